import type { Key } from '../primitives/bytes.ts'
import type { AccountValue } from '../state/account-value.ts'
import type { AccountChange } from '../state/layer.ts'
import type { AccountJournal } from './account-journal.ts'

/** A block's journal, and which side of it leads on: `after` to do its steps again, `before` to undo them. */
export interface Leg {
  readonly journal: AccountJournal
  readonly side: 'before' | 'after'
}

/** What leads from the state of one block to that of another. */
export type Way = readonly Leg[]

/**
 * What a way makes of the accounts that it touches. A hash table over the journals as they lie there: hundreds of thousands of
 * keys and values as strings would take a second to make, and ten times the memory.
 *
 * Cost: some 100 ns and 12 bytes a step. Keys are hashes, so their first bits spread them.
 */
export class AccountOverlay {
  readonly #way: Way
  /** An entry's leg, counted from 1, and where its step begins there; 0: the slot is free. */
  readonly #legs: Uint16Array
  readonly #places: Uint32Array
  readonly #bits: number

  constructor(way: Way) {
    this.#way = way
    const steps = way.reduce((sum, { journal }) => sum + journal.count, 0)
    // At most half full.
    this.#bits = Math.max(4, 33 - Math.clz32(steps))
    this.#legs = new Uint16Array(2 ** this.#bits)
    this.#places = new Uint32Array(2 ** this.#bits)
    way.forEach(({ journal }, leg) => {
      for (let at = 0; at < journal.sizeBytes; at = journal.next(at)) {
        const slot = this.#find(journal.keyStart(at), (other, otherAt) => journal.hasKeyOf(at, other, otherAt))
        this.#legs[slot] = leg + 1
        this.#places[slot] = at
      }
    })
  }

  /** What the way makes of an account, which it may delete; undefined: it does not touch it. */
  get(key: Key): { readonly value: AccountValue | undefined } | undefined {
    const start =
      ((key.charCodeAt(0) << 24) | (key.charCodeAt(1) << 16) | (key.charCodeAt(2) << 8) | key.charCodeAt(3)) >>> 0
    const slot = this.#find(start, (journal, at) => journal.hasKey(at, key))
    return this.#legs[slot] === 0 ? undefined : { value: this.#value(slot) }
  }

  /** All that the way changes, by sixteenths, each made when it is taken: all at once are 100 MB after a kill amid large blocks. */
  *parts(): Generator<AccountChange[]> {
    for (let nibble = 0; nibble < 16; nibble++) yield this.#sixteenth(nibble)
  }

  #sixteenth(nibble: number): AccountChange[] {
    const changes: AccountChange[] = []
    const end = (nibble + 1) << (this.#bits - 4)
    const mask = this.#legs.length - 1
    // Behind the end may follow what has found its own slots taken.
    for (let at = nibble << (this.#bits - 4); at < end || this.#legs[at & mask] !== 0; at++) {
      const slot = at & mask
      if (this.#legs[slot] === 0) continue
      const key = this.#way[this.#legs[slot]! - 1]!.journal.key(this.#places[slot]!)
      if (key.charCodeAt(0) >> 4 === nibble) changes.push({ key, value: this.#value(slot) })
    }
    return changes
  }

  /** The slot of the key that `isIt` knows, or the free one where it belongs. */
  #find(keyStart: number, isIt: (journal: AccountJournal, at: number) => boolean): number {
    const mask = this.#legs.length - 1
    let slot = keyStart >>> (32 - this.#bits)
    for (; this.#legs[slot] !== 0; slot = (slot + 1) & mask) {
      if (isIt(this.#way[this.#legs[slot]! - 1]!.journal, this.#places[slot]!)) break
    }
    return slot
  }

  #value(slot: number): AccountValue | undefined {
    const { journal, side } = this.#way[this.#legs[slot]! - 1]!
    return journal.value(this.#places[slot]!, side)
  }
}
