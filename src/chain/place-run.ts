import { DecodeError } from '../primitives/errors.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import { decodeList, lowerBound, PLACE_KINDS, type PlaceKind, type PlaceList } from './places.ts'

/** What is known of a run without reading it. */
export interface RunDescription {
  readonly id: number
  /** How many times it has been merged. */
  readonly level: number
  /** The blocks in it, by number: none below `first` or above `last`. */
  readonly first: number
  readonly last: number
}

/** Block numbers, both inclusive. */
export interface NumberRange {
  readonly from: number
  readonly to: number
}

/** Pairs in a page: 16 KiB, some 20 µs to read. */
const PAGE_PAIRS = 2048
/** In the place of a page: the first pair of each. */
const DIRECTORY = 0xffff_ffff

/** In which blocks the transactions and addresses of many blocks are: a list of each kind, in pages, written once. */
export class PlaceRun {
  readonly description: RunDescription
  readonly #database: Database
  readonly #directories: Readonly<Record<PlaceKind, PlaceList>>
  /** The page that was read last: who looks for many looks for them in order. */
  #last: { readonly kind: PlaceKind; readonly page: number; readonly list: PlaceList } | undefined

  /** @throws StoreError. */
  constructor(database: Database, description: RunDescription) {
    this.description = description
    this.#database = database
    this.#directories = {
      transaction: this.#record('transaction', DIRECTORY),
      address: this.#record('address', DIRECTORY),
    }
  }

  pages(kind: PlaceKind): number {
    return this.#directories[kind].length / 2
  }

  has(kind: PlaceKind, prefix: number, number: number): boolean {
    return this.numbers(kind, prefix, { from: number, to: number }, { limit: 1, reverse: false }).length > 0
  }

  /** Blocks that have a prefix, ascending or descending. @throws StoreError. Cost: a page, seldom more. */
  numbers(
    kind: PlaceKind,
    prefix: number,
    { from, to }: NumberRange,
    { limit, reverse }: { readonly limit: number; readonly reverse: boolean },
  ): number[] {
    const { first, last } = this.description
    const found: number[] = []
    if (from > last || to < first) return found
    const step = reverse ? -1 : 1
    const start = reverse ? to + 1 : from
    const pages = this.pages(kind)
    let page = Math.max(0, lowerBound(this.#directories[kind], prefix, start) - 1)
    for (let entered = false; page >= 0 && page < pages; page += step, entered = true) {
      const list = this.#page(kind, page)
      const end = list.length / 2
      let at = reverse ? end - 1 : 0
      if (!entered) at = lowerBound(list, prefix, start) + (reverse ? -1 : 0)
      for (; at >= 0 && at < end; at += step) {
        const number = list[2 * at]!
        if (list[2 * at + 1] !== prefix || number < from || number > to || found.length === limit) return found
        found.push(number)
      }
    }
    return found
  }

  /** Hands out a list from its beginning: at each call what comes before a prefix. */
  reader(kind: PlaceKind): (before: number) => PlaceList[] {
    let page = 0
    let at = 0
    return (before) => {
      const taken: PlaceList[] = []
      for (; page < this.pages(kind); page++, at = 0) {
        const list = this.#record(kind, page)
        const end = lowerBound(list, before, 0)
        taken.push(list.subarray(2 * at, 2 * end))
        at = end
        if (2 * end < list.length) break
      }
      return taken
    }
  }

  #page(kind: PlaceKind, page: number): PlaceList {
    if (this.#last?.kind !== kind || this.#last.page !== page)
      this.#last = { kind, page, list: this.#record(kind, page) }
    return this.#last.list
  }

  #record(kind: PlaceKind, page: number): PlaceList {
    const record = this.#database.get(runKey(this.description.id, kind, page))
    if (record === undefined) throw damaged('a part of the index is missing')
    try {
      return decodeList(record)
    } catch (error) {
      if (error instanceof DecodeError) throw damaged('a part of the index is malformed')
      throw error
    }
  }
}

/** Cuts lists into the records of a run. */
export class RunWriter {
  readonly #id: number
  readonly #put: (key: Uint8Array, value: Uint8Array) => void
  #directory: number[] = []
  /** What does not fill a page yet. */
  #rest: PlaceList = new Uint32Array(0)

  constructor(id: number, put: (key: Uint8Array, value: Uint8Array) => void) {
    this.#id = id
    this.#put = put
  }

  /** Takes more of a list, in order. */
  add(kind: PlaceKind, list: PlaceList): void {
    const all = joinLists([this.#rest, list])
    let at = 0
    for (; all.length - at > 2 * PAGE_PAIRS; at += 2 * PAGE_PAIRS)
      this.#page(kind, all.subarray(at, at + 2 * PAGE_PAIRS))
    this.#rest = all.subarray(at)
  }

  /** Ends a list. */
  end(kind: PlaceKind): void {
    if (this.#rest.length > 0) this.#page(kind, this.#rest)
    this.#record(kind, DIRECTORY, Uint32Array.from(this.#directory))
    this.#directory = []
    this.#rest = new Uint32Array(0)
  }

  #page(kind: PlaceKind, list: PlaceList): void {
    this.#record(kind, this.#directory.length / 2, list)
    this.#directory.push(list[0]!, list[1]!)
  }

  #record(kind: PlaceKind, page: number, { buffer, byteOffset, byteLength }: PlaceList): void {
    this.#put(runKey(this.#id, kind, page), new Uint8Array(buffer, byteOffset, byteLength))
  }
}

export function joinLists(lists: readonly PlaceList[]): PlaceList {
  const joined = new Uint32Array(lists.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const list of lists) {
    joined.set(list, at)
    at += list.length
  }
  return joined
}

function runKey(id: number, kind: PlaceKind, page: number): Uint8Array {
  return keys.run(id, PLACE_KINDS.indexOf(kind), page)
}
