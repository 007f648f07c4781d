import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Ancestry } from './engine.ts'

/** What the signers of a branch have said about it by sealing on it. */
export interface BranchSeals {
  readonly tip: HashedHeader
  /** Newest seal of each signer, newest first, at most a quorum of them: the proof that the last one is final. */
  readonly seals: readonly HashedHeader[]
  /** Newest block that a quorum has sealed or built upon; undefined while that is genesis. */
  readonly finalized: HashedHeader | undefined
}

/** Branches whose answer is remembered, so that the next block's costs one step. */
const REMEMBERED_BRANCHES = 256
/**
 * Headers walked back at most, reached only after a restart of a network in which too few signers are alive: about a
 * quarter of a second. What lies deeper is then not known to be final, which errs on the safe side.
 */
const MAX_WALK = 16_384

/** Finds what more than two thirds of the signers have sealed or built upon. */
export class SealQuorum {
  readonly #quorum: number
  readonly #majority: number
  readonly #remembered = new BoundedMap<Key, readonly HashedHeader[]>(REMEMBERED_BRANCHES)

  constructor(signers: number) {
    this.#quorum = Math.floor((2 * signers) / 3) + 1
    this.#majority = Math.floor(signers / 2) + 1
  }

  /** Cost: one look-up and one pass over a quorum of seals when the parent was asked about, else a walk of a few rounds. */
  of(tip: HashedHeader, ancestry: Ancestry): BranchSeals {
    const seals = this.#seals(tip, ancestry)
    this.#remembered.set(toKey(tip.hash), seals)
    return { tip, seals, finalized: seals[this.#quorum - 1] }
  }

  /** Height that more than half of the signers have sealed or built upon. */
  safeNumber({ seals }: BranchSeals): number {
    return seals[this.#majority - 1]?.header.number ?? 0
  }

  #seals(tip: HashedHeader, ancestry: Ancestry): readonly HashedHeader[] {
    const walked: HashedHeader[] = []
    const signers = new Set<Key>()
    let seals: readonly HashedHeader[] = []
    let at = tip
    while (at.header.number > 0 && signers.size < this.#quorum && walked.length < MAX_WALK) {
      const remembered = this.#remembered.get(toKey(at.hash))
      if (remembered !== undefined) {
        seals = remembered
        break
      }
      walked.push(at)
      signers.add(toKey(at.header.miner))
      const parent = ancestry.header(at.header.parentHash)
      // Headers that come ahead of their bodies are kept for a while only.
      if (parent === undefined) break
      at = { hash: at.header.parentHash, header: parent }
    }
    for (const seal of walked.reverse()) {
      const others = seals.filter((older) => !equalBytes(older.header.miner, seal.header.miner))
      seals = [seal, ...others.slice(0, this.#quorum - 1)]
    }
    return seals
  }
}
