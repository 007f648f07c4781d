/**
 * What has happened lately, kept once for all who read it: each remembers how far it has come. So the number of readers
 * costs nothing, and one that never reads makes nobody keep more.
 */
export class ChangeJournal<T> {
  readonly #capacity: number
  #items: T[] = []
  /** Position of the first item. */
  #start = 0

  /** @param options.capacity  items that are kept at least; a reader further behind has lost some. */
  constructor({ capacity }: { readonly capacity: number }) {
    this.#capacity = capacity
  }

  /** Where a reader stands who wants what comes next. */
  get end(): number {
    return this.#start + this.#items.length
  }

  append(items: Iterable<T>): void {
    for (const item of items) this.#items.push(item)
    // Not at every call, since it moves all that is kept.
    if (this.#items.length >= 2 * this.#capacity) this.#drop(this.#items.length - this.#capacity)
  }

  /** Everything from `position` on; undefined if some of it is gone. */
  since(position: number): readonly T[] | undefined {
    if (this.end - position > this.#capacity) return undefined
    return this.#items.slice(position - this.#start)
  }

  /** Nobody reads any more. */
  clear(): void {
    this.#drop(this.#items.length)
  }

  #drop(count: number): void {
    this.#items = this.#items.slice(count)
    this.#start += count
  }
}
