import { HeaderBranch } from '../chain/header-branch.ts'
import { appendLeaf, historyCommitment, historyLeaf, NO_PEAKS, type Peaks } from '../chain/history.ts'
import type { ChainParams, Head } from '../chain/types.ts'
import type { Ancestry, Engine } from '../consensus/engine.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { BlockError } from '../primitives/errors.ts'
import type { HashedHeader } from '../primitives/header.ts'
import type { CommittedTip } from './ancestors.ts'
import { ANCHOR_STEP, MAX_SIDE_HEADERS, WINDOW_HEADERS } from './limits.ts'

/** A stretch of a proven chain, up to its tip. */
export interface Segment {
  /** The range up to and without the first of the headers. */
  readonly before: Peaks
  /** Ascending, without a gap, at least one. */
  readonly headers: readonly HashedHeader[]
  /** Of the last one. */
  readonly totalDifficulty: bigint
}

export interface LightChainOptions {
  readonly params: ChainParams
  readonly engine: Engine
  /** Ancestors of a header that the engine may look at to judge it: there are none below the window. */
  readonly lookBack: number
  readonly genesis: HashedHeader
}

interface Entry extends Head {
  /** The history range up to and with this block. */
  readonly peaks: Peaks
}

/**
 * The end of the heaviest chain that has been proven: its last 512 headers, and what branches off them. Grows header by header by
 * the rules of the chain, or is replaced by a segment that somebody proved. Pure: no clock, no network.
 */
export class LightChain {
  readonly #options: LightChainOptions
  /** All headers held, those off the followed chain included. */
  readonly #entries = new Map<Key, Entry>()
  /** The followed chain, ascending. */
  #window: Entry[] = []
  #adoptions = 0

  constructor(options: LightChainOptions) {
    this.#options = options
    this.restart()
  }

  /** Forgets all but genesis. */
  restart(): void {
    const { genesis, engine } = this.#options
    this.#entries.clear()
    this.#begin({ before: NO_PEAKS, headers: [genesis], totalDifficulty: engine.weight(genesis.header) })
  }

  get tip(): Head {
    return this.#window.at(-1)!
  }

  /** The oldest header of the window, and the range up to and with it. */
  get base(): Head & { readonly peaks: Peaks } {
    return this.#window[0]!
  }

  /** Times that a proven segment took the window's place: what lay below the one need not lie below the other. */
  get adoptions(): number {
    return this.#adoptions
  }

  /** The newest block that any chain followed later must have, where the engine names one, else the window's oldest. */
  get anchor(): Head {
    const { engine } = this.#options
    const final = engine.reorgsFinal ? undefined : engine.finality(this.tip.header, this.ancestry).finalized
    return (final === undefined ? undefined : this.at(final)) ?? this.base
  }

  /** The oldest block held that others begin a proof at too. */
  get sharedAnchor(): Head {
    const number = this.base.header.number
    return this.at(Math.ceil(number / ANCHOR_STEP) * ANCHOR_STEP) ?? this.base
  }

  /** A header held, on whatever branch. */
  get(hash: Uint8Array): (Head & { readonly peaks: Peaks }) | undefined {
    return this.#entries.get(toKey(hash))
  }

  /** A header of the followed chain; undefined outside of the window. */
  at(number: number): Head | undefined {
    return this.#window[number - this.base.header.number]
  }

  /** The last `count` headers of the followed chain up to and with `number`, or as many as there are. */
  segment(number: number, count: number): Segment {
    const end = number - this.base.header.number + 1
    const kept = this.#window.slice(Math.max(0, end - count), end)
    const below = this.at(kept[0]!.header.number - 1)
    // Of the oldest header the range before it is not held: the second is the first to be given.
    const headers = below || kept[0]!.header.number === 0 ? kept : kept.slice(1)
    const before = headers[0]!.header.number === 0 ? NO_PEAKS : this.#parent(headers[0]!)!.peaks
    return { before, headers, totalDifficulty: headers.at(-1)!.totalDifficulty }
  }

  /** Highest block of the followed chain that a block held is or stands on; undefined if that lies below the window. */
  forkNumber(hash: Uint8Array): number | undefined {
    for (let entry = this.#entries.get(toKey(hash)); entry; entry = this.#parent(entry)) {
      if (this.#isFollowed(entry)) return entry.header.number
    }
    return undefined
  }

  /** Whether a block held stands on another one, or is that; false where what lies between is not held. */
  isAncestor({ hash, header }: HashedHeader, ofHash: Uint8Array): boolean {
    let entry = this.#entries.get(toKey(ofHash))
    while (entry && entry.header.number > header.number) entry = this.#parent(entry)
    return entry !== undefined && equalBytes(entry.hash, hash)
  }

  /** The block above the window's oldest, and what it commits to: the oldest headers are proven against that. */
  get committed(): CommittedTip & { readonly hash: Uint8Array } {
    const [base, above] = this.#window as [Entry, Entry]
    const commitment = historyCommitment(this.#options.params.chainId, base.peaks)
    return { hash: above.hash, number: above.header.number, commitment }
  }

  /** What an engine may look up about the headers held. */
  get ancestry(): Ancestry {
    return {
      header: (hash) => this.get(hash)?.header,
      historyRoot: () => historyCommitment(this.#options.params.chainId, this.#window.at(-1)!.peaks),
    }
  }

  /** Whether a header's parent is held, with enough below it for the engine to judge a child. */
  canExtend(parentHash: Uint8Array): boolean {
    let ancestor = this.#entries.get(toKey(parentHash))
    // Of a side branch the oldest are forgotten first, also above the window's end.
    for (let left = this.#options.lookBack; ancestor && left > 0 && ancestor.header.number > 0; left--) {
      ancestor = this.#parent(ancestor)
    }
    return ancestor !== undefined
  }

  /**
   * Judges a header by all rules that need no body, and keeps it; the clock is not among them.
   * @returns whether it is the tip now. @throws BlockError, `unknown-parent` also where the parent lies below the window.
   */
  add(hashed: HashedHeader): boolean {
    if (this.#entries.has(toKey(hashed.hash))) return false
    if (!this.canExtend(hashed.header.parentHash)) throw new BlockError('unknown-parent')
    const { params, engine } = this.#options
    const known = (hash: Uint8Array) => this.get(hash)?.header
    const branch = new HeaderBranch(this.#entries.get(toKey(hashed.header.parentHash))!, { params, engine, known })
    const entry = { ...branch.extend(hashed), peaks: branch.peaks }
    this.#entries.set(toKey(entry.hash), entry)
    const followed = this.#outweighs(entry) && this.#follow(entry)
    this.#prune()
    return followed
  }

  /** Follows a proven chain that has more work than the one followed, and what is final there. @returns whether it has. */
  adopt(segment: Segment): boolean {
    if (segment.totalDifficulty <= this.tip.totalDifficulty) return false
    const { anchor } = this
    const inPlace = segment.headers[anchor.header.number - segment.headers[0]!.header.number]
    if (!this.#options.engine.reorgsFinal && inPlace && !equalBytes(inPlace.hash, anchor.hash)) return false
    this.#begin(segment)
    this.#prune()
    return true
  }

  /**
   * What leads from one followed block to another: what goes, newest first, and what comes, oldest first. Only as far as the headers are
   * held.
   */
  route(from: Head, to: Head): { readonly disconnected: HashedHeader[]; readonly connected: HashedHeader[] } {
    const disconnected: HashedHeader[] = []
    let left: Entry | undefined = this.#entries.get(toKey(from.hash))
    for (; left && !this.#isFollowed(left); left = this.#parent(left)) disconnected.push(left)
    const fork = left?.header.number ?? from.header.number - disconnected.length
    const connected = this.#window.filter(({ header: { number } }) => number > fork && number <= to.header.number)
    return { disconnected, connected }
  }

  #begin(segment: Segment): void {
    this.#adoptions++
    this.#window = this.#entriesOf(segment)
    for (const entry of this.#window) this.#entries.set(toKey(entry.hash), entry)
  }

  #outweighs(entry: Entry): boolean {
    const { tip } = this
    if (entry.totalDifficulty !== tip.totalDifficulty) return entry.totalDifficulty > tip.totalDifficulty
    return this.#options.engine.winsTie(entry, tip)
  }

  /** @returns false where its branch leaves the followed chain below the window, or below a block that is final. */
  #follow(entry: Entry): boolean {
    const branch: Entry[] = []
    let fork: Entry | undefined = entry
    for (; fork && !this.#isFollowed(fork); fork = this.#parent(fork)) branch.push(fork)
    if (!fork) return false
    const { engine } = this.#options
    const { number } = fork.header
    if (!engine.reorgsFinal && number < engine.finality(this.tip.header, this.ancestry).finalized) return false
    this.#window = [...this.#window.slice(0, number - this.base.header.number + 1), ...branch.reverse()]
    return true
  }

  #parent(entry: HashedHeader): Entry | undefined {
    return this.#entries.get(toKey(entry.header.parentHash))
  }

  #isFollowed({ hash, header }: HashedHeader): boolean {
    const there = this.at(header.number)
    return there !== undefined && equalBytes(there.hash, hash)
  }

  #entriesOf({ before, headers, totalDifficulty }: Segment): Entry[] {
    const { engine } = this.#options
    let total = headers.slice(1).reduce((rest, { header }) => rest - engine.weight(header), totalDifficulty)
    let peaks = before
    return headers.map(({ hash, header }, place) => {
      if (place > 0) total += engine.weight(header)
      peaks = appendLeaf(peaks, historyLeaf(hash, header)).peaks
      return { hash, header, totalDifficulty: total, peaks }
    })
  }

  #prune(): void {
    this.#window.splice(0, this.#window.length - WINDOW_HEADERS)
    const lowest = this.base.header.number
    const sides: [Key, Entry][] = []
    for (const [key, entry] of this.#entries) {
      if (entry.header.number < lowest) this.#entries.delete(key)
      else if (!this.#isFollowed(entry)) sides.push([key, entry])
    }
    if (sides.length <= MAX_SIDE_HEADERS) return
    sides.sort(([, a], [, b]) => (a.totalDifficulty < b.totalDifficulty ? -1 : 1))
    for (const [key] of sides.slice(0, sides.length - MAX_SIDE_HEADERS)) this.#entries.delete(key)
  }
}
