import type { Head } from '../../chain/types.ts'
import { BlockError } from '../../primitives/errors.ts'
import type { HashedHeader } from '../../primitives/header.ts'
import { Commitments } from './commitments.ts'
import { SyncFault } from './faults.ts'
import { CLAIM_SLACK_HEADERS, HEADERS_PER_REQUEST, UNPROVEN_HEADERS } from './limits.ts'

/** Headers verified on top of a known block: `chain/header-branch.ts`. */
export interface Branch {
  readonly tip: Head
  /** @throws BlockError */
  extend(header: HashedHeader): Head
}

export interface HeaderDownloadOptions {
  /** The work that the chain has to show before anything of it counts. */
  readonly threshold: bigint
  /** Number of the peer's head, by its own account. */
  readonly claimedNumber: number
}

export interface HeaderDownloadComponents {
  /** A branch on the block where the peer's chain leaves ours; each call gives a new one. */
  readonly branch: () => Branch
  /** Headers of known bad blocks. */
  readonly isBad: (hash: Uint8Array) => boolean
  /** 32 bytes that nobody can foresee. */
  readonly secret: () => Uint8Array
}

/**
 * One peer's chain of headers, from a block that we know.
 *
 * The attack: headers of little work cost their maker next to nothing, and each one believed costs us memory, a body, a
 * place on disk. So nothing counts before its chain has shown a minimum of work in headers. Up to 1,024 are held
 * back until then. A chain that has not shown enough by its 1,024th is counted instead (`presync`): its headers are verified
 * and forgotten, one bit in 32 headers is kept. Once there is enough work it is downloaded again (`download`)
 * and compared with the bits, and a header counts when 1,024 more stand on it, of which 32 have left a bit: who did the work
 * of one chain to have another believed succeeds once in 2^32 tries, each of which costs that work.
 * As in Bitcoin Core's `headerssync.h`; with one such chain at a time we can afford more bits for a shorter buffer.
 *
 * Pure: no clock, no network. Memory: some 5 MB, and 4 kB for each million headers.
 */
export class HeaderDownload {
  readonly #claimedNumber: number
  readonly #components: HeaderDownloadComponents
  readonly #baseNumber: number
  #branch: Branch
  #stage: 'presync' | 'download' = 'download'
  #commitments: Commitments | undefined
  #held: Head[] = []
  #threshold: bigint
  #proven: boolean
  #ended = false

  constructor(options: HeaderDownloadOptions, components: HeaderDownloadComponents) {
    this.#claimedNumber = options.claimedNumber
    this.#components = components
    this.#branch = components.branch()
    this.#baseNumber = this.#branch.tip.header.number
    this.#threshold = options.threshold
    this.#proven = this.#branch.tip.totalDifficulty >= this.#threshold
  }

  get stage(): 'presync' | 'download' {
    return this.#stage
  }

  /** Whether the chain has shown the work that makes it count. */
  get proven(): boolean {
    return this.#proven
  }

  /** The newest header that was verified; in presync it is gone but for its number and work. */
  get tip(): Head {
    return this.#branch.tip
  }

  /** What to ask for next, by number; undefined once the chain has ended. */
  get next(): { readonly start: number; readonly count: number } | undefined {
    return this.#ended ? undefined : { start: this.#branch.tip.header.number + 1, count: HEADERS_PER_REQUEST }
  }

  /**
   * Takes the next header of an answer.
   * @returns headers that count from now on, oldest first. @throws SyncFault, after which this chain is done for.
   */
  take(header: HashedHeader): Head[] {
    if (this.#components.isBad(header.hash)) throw new SyncFault('invalid-block', 'known-bad')
    const head = this.#extend(header)
    const { number } = head.header
    if (number > this.#claimedNumber + CLAIM_SLACK_HEADERS && !this.#proven) throw new SyncFault('false-claim')
    return this.#stage === 'presync' ? this.#count(head) : this.#download(head)
  }

  /** The peer has no more. @returns headers that count from now on. @throws SyncFault if it has shown too little. */
  end(): Head[] {
    if (!this.#proven) {
      const again = this.#commitments !== undefined && this.#stage === 'download'
      throw new SyncFault(again ? 'broken-commitment' : 'false-claim')
    }
    this.#ended = true
    return this.#held.splice(0)
  }

  /**
   * The chain goes on beyond what the clock allows. What came before counts if it has the better part of the work: a slow
   * clock must not keep us from catching up as far as it goes. @returns and @throws as `end`; ask `next` for what follows.
   */
  cut(): Head[] {
    const { tip } = this.#branch
    if (!this.#proven) {
      if (2n * tip.totalDifficulty < this.#threshold) throw new SyncFault('unhelpful')
      this.#threshold = tip.totalDifficulty
      if (this.#stage === 'presync') return this.#startDownload()
      this.#proven = true
    }
    return this.end()
  }

  #extend(header: HashedHeader): Head {
    try {
      return this.#branch.extend(header)
    } catch (error) {
      if (!(error instanceof BlockError)) throw error
      if (error.code === 'unknown-parent') throw new SyncFault('unconnected-headers')
      throw new SyncFault('invalid-header', error.code)
    }
  }

  #count(head: Head): Head[] {
    this.#commitments!.add(head.header.number - this.#baseNumber, head.hash)
    return head.totalDifficulty >= this.#threshold ? this.#startDownload() : []
  }

  #startDownload(): Head[] {
    this.#stage = 'download'
    this.#branch = this.#components.branch()
    return []
  }

  #download(head: Head): Head[] {
    const distance = head.header.number - this.#baseNumber
    if (!this.#proven && this.#commitments?.holds(distance, head.hash) === false) {
      throw new SyncFault('broken-commitment')
    }
    this.#held.push(head)
    this.#proven ||= head.totalDifficulty >= this.#threshold
    if (this.#proven) return this.#held.splice(0)
    if (this.#held.length <= UNPROVEN_HEADERS) return []
    if (this.#commitments !== undefined) return [this.#held.shift()!]
    this.#stage = 'presync'
    this.#commitments = new Commitments(this.#components.secret())
    for (const held of this.#held.splice(0)) this.#commitments.add(held.header.number - this.#baseNumber, held.hash)
    return []
  }
}
