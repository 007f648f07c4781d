import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { pathDownTo } from './ancestry.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Durable } from './durable.ts'
import type { Ancestry } from './engine.ts'
import type { BranchSeals } from './poa-quorum.ts'

/** Two seals of one signer, both checked, that an honest one would not have made. `later` came to light second. */
export type SignerEvidence =
  /** Two blocks at one height. */
  | { readonly kind: 'double-seal'; readonly earlier: HashedHeader; readonly later: HashedHeader }
  /** One on `finalized`, one on a branch without it that was shown when `finalized` was final already. */
  | {
      readonly kind: 'conflicting-seals'
      readonly finalized: HashedHeader
      readonly earlier: HashedHeader
      readonly later: HashedHeader
    }

/** Two branches, each sealed by more than two thirds of the signers; the last header of each list is the final block. */
export interface ConflictingFinal {
  readonly kind: 'conflicting-final'
  readonly ours: readonly HashedHeader[]
  readonly theirs: readonly HashedHeader[]
}

export type Evidence = SignerEvidence | ConflictingFinal

/** Seals remembered to compare later ones with. */
const RECENT_SEALS = 1_024
/** Heights below the finalized block at which a conflict is still noticed, and steps walked back to find one. */
const CONFLICT_WINDOW = 256
/** Records kept for one signer, so that a flood from one cannot push out what is known of another. */
const MAX_RECORDS_PER_SIGNER = 16

/**
 * Watches verified headers of all branches for signers that contradict themselves.
 *
 * A block that lost a race is no evidence: its signer could not know. What counts is a second block at one height, and
 * a branch shown to us that leaves out a block which was final here: an honest signer would have built on that one.
 * Even so, it proves a fault only as long as messages arrive in time (docs/protocol.md, "Consensus: poa").
 */
export class SealEvidence {
  readonly #report: (evidence: Evidence) => void
  readonly #recent = new BoundedMap<string, HashedHeader>(RECENT_SEALS)
  readonly #records = new Map<Key, SignerEvidence[]>()
  /** Our branch when its final block was last asked for. */
  #ours: BranchSeals | undefined
  /** Hashes of our final blocks by height. */
  readonly #finalPath = new BoundedMap<number, Key>(CONFLICT_WINDOW)
  readonly #kept: Durable<ConflictingFinal> | undefined
  #conflictingFinal: ConflictingFinal | undefined

  /**
   * @param report  called once for each new record, and at once for a kept one.
   * @param kept  two conflicting final blocks, for the runs to come; absent: they are forgotten with this object.
   */
  constructor(report: (evidence: Evidence) => void, kept?: Durable<ConflictingFinal>) {
    this.#report = report
    this.#kept = kept
    this.#conflictingFinal = kept?.load()
    if (this.#conflictingFinal !== undefined) report(this.#conflictingFinal)
  }

  /** At most 16 records a signer, oldest first. */
  list(): readonly Evidence[] {
    const records = [...this.#records.values()].flat()
    return this.#conflictingFinal === undefined ? records : [this.#conflictingFinal, ...records]
  }

  /** Once set, finality has failed on this network: sealing on would only help one of two histories. */
  get conflictingFinal(): ConflictingFinal | undefined {
    return this.#conflictingFinal
  }

  /** Takes note of our own head. Cost: one look-up for each block that became final. */
  head(branch: BranchSeals, ancestry: Ancestry): void {
    const finalized = branch.finalized
    const before = this.#ours?.finalized?.header.number ?? 0
    if (finalized === undefined || finalized.header.number < before) return
    this.#ours = branch
    const lowest = Math.max(before, finalized.header.number - CONFLICT_WINDOW)
    const path = pathDownTo(lowest, finalized, ancestry).reverse()
    for (const { hash, header } of path) this.#finalPath.set(header.number, toKey(hash))
  }

  /** Takes note of a verified header and its branch. Cost: constant on top of our head, else a walk of up to 256 headers. */
  observe(branch: BranchSeals, ancestry: Ancestry): void {
    const seal = branch.tip
    this.#compareHeight(seal)
    const ours = this.#ours
    if (ours?.finalized === undefined || !this.#conflicts(seal, ancestry)) return
    const own = ours.seals.find(({ header }) => equalBytes(header.miner, seal.header.miner))
    if (own !== undefined) {
      this.#record({ kind: 'conflicting-seals', finalized: ours.finalized, earlier: own, later: seal })
    }
    if (this.#conflictingFinal !== undefined || branch.finalized === undefined) return
    if (!this.#conflicts(branch.finalized, ancestry)) return
    this.#conflictingFinal = { kind: 'conflicting-final', ours: ours.seals, theirs: branch.seals }
    // Sealing has stopped already. A database that cannot write says so itself, and ends the node.
    this.#kept?.save(this.#conflictingFinal).catch(() => undefined)
    this.#report(this.#conflictingFinal)
  }

  #compareHeight(seal: HashedHeader): void {
    const place = `${toKey(seal.header.miner)}/${seal.header.number}`
    const earlier = this.#recent.get(place)
    if (earlier === undefined) this.#recent.set(place, seal)
    else if (!equalBytes(earlier.hash, seal.hash)) this.#record({ kind: 'double-seal', earlier, later: seal })
  }

  /** Whether a block is on a branch that does not hold our final block; false where that lies outside the window. */
  #conflicts(block: HashedHeader, ancestry: Ancestry): boolean {
    const ours = this.#ours
    if (ours?.finalized === undefined || equalBytes(block.header.parentHash, ours.tip.hash)) return false
    const { finalized } = ours
    if (block.header.number <= finalized.header.number) {
      const final = this.#finalPath.get(block.header.number)
      return final !== undefined && final !== toKey(block.hash)
    }
    if (block.header.number - finalized.header.number > CONFLICT_WINDOW) return false
    const child = pathDownTo(finalized.header.number, block, ancestry).at(-1)!
    return !equalBytes(child.header.parentHash, finalized.hash)
  }

  #record(evidence: SignerEvidence): void {
    const { kind, later } = evidence
    const signer = toKey(later.header.miner)
    const records = this.#records.get(signer) ?? []
    if (records.length === MAX_RECORDS_PER_SIGNER) return
    if (records.some((known) => known.kind === kind && equalBytes(known.later.hash, later.hash))) return
    this.#records.set(signer, [...records, evidence])
    this.#report(evidence)
  }
}
