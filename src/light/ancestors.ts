import { type HistoryNode, historyLeaf, historyWork, type Peaks } from '../chain/history.ts'
import { proveLeaves, verifyLeaves } from '../chain/history-multiproof.ts'
import type { Head } from '../chain/types.ts'
import { hashHeader } from '../crypto/hashes.ts'
import type { Header } from '../primitives/header.ts'
import { ProofError } from './proof-error.ts'

/** Headers of earlier blocks, and the nodes of the history range that lead from them to a later block's commitment. */
export interface AncestorsProof {
  /** Ascending. */
  readonly headers: readonly Header[]
  readonly nodes: readonly HistoryNode[]
}

/** @param numbers  ascending, distinct, below the tip's. Cost: as `proveLeaves`. */
export function proveAncestors(
  numbers: readonly number[],
  tipNumber: number,
  source: {
    readonly header: (number: number) => Header
    readonly historyNode: (height: number, index: number) => HistoryNode
  },
): AncestorsProof {
  return { headers: numbers.map(source.header), nodes: proveLeaves(numbers, tipNumber, source.historyNode) }
}

/** A block below which ancestors are shown, with what it commits to: 32 bytes. */
export interface CommittedTip {
  readonly number: number
  readonly commitment: Uint8Array
}

export interface ProvenAncestors {
  readonly headers: readonly Head[]
  /** The range before each of them, and the one up to and without the tip. */
  readonly before: readonly Peaks[]
  readonly whole: Peaks
}

/**
 * The blocks with these numbers on the chain that ends in `tip`, whose commitment the caller trusts.
 * @throws ProofError. Cost: at most 55 hashes a header.
 */
export function verifyAncestors(
  chainId: bigint,
  tip: CommittedTip,
  numbers: readonly number[],
  { headers, nodes }: AncestorsProof,
): ProvenAncestors {
  if (headers.length !== numbers.length || headers.some(({ number }, i) => number !== numbers[i])) {
    throw new ProofError('shape', `${headers.length} headers, not those of the ${numbers.length} blocks asked for`)
  }
  const hashed = headers.map(hashHeader)
  const leaves = hashed.map(({ hash, header }) => ({ index: header.number, leaf: historyLeaf(hash, header) }))
  const ranges = verifyLeaves(chainId, tip.number, leaves, nodes, tip.commitment)
  if (!ranges) throw new ProofError('not-in-history', `block ${tip.number} does not commit to what is shown`)
  const withWork = hashed.map(({ hash, header }, place) => ({
    hash,
    header,
    totalDifficulty: historyWork(ranges.before[place]!) + header.difficulty,
  }))
  return { headers: withWork, ...ranges }
}
