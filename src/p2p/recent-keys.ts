import type { Key } from '../primitives/bytes.ts'

/** The keys added last, up to a number. */
export class RecentKeys {
  readonly #max: number
  /** Insertion order is age. */
  readonly #keys = new Set<Key>()

  constructor(max: number) {
    this.#max = max
  }

  has(key: Key): boolean {
    return this.#keys.has(key)
  }

  add(key: Key): void {
    this.#keys.add(key)
    if (this.#keys.size > this.#max) this.#keys.delete(this.#keys.values().next().value!)
  }
}
