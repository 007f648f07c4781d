import { type HistoryNode, historyLeaf } from '../chain/history.ts'
import { proveLeaves, verifyLeaves } from '../chain/history-multiproof.ts'
import { hashHeader } from '../crypto/hashes.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
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

/**
 * The headers of the blocks with these numbers on the chain that ends in `tip`, which the caller trusts.
 * @throws ProofError. Cost: at most 55 hashes a header.
 */
export function verifyAncestors(
  chainId: bigint,
  tip: Header,
  numbers: readonly number[],
  { headers, nodes }: AncestorsProof,
): HashedHeader[] {
  if (headers.length !== numbers.length || headers.some(({ number }, i) => number !== numbers[i])) {
    throw new ProofError('shape', `${headers.length} headers, not those of the ${numbers.length} blocks asked for`)
  }
  const hashed = headers.map(hashHeader)
  const leaves = hashed.map(({ hash, header }) => ({ index: header.number, leaf: historyLeaf(hash, header) }))
  // Under poa a signature follows the commitment.
  if (!verifyLeaves(chainId, tip.number, leaves, nodes, tip.extraData.subarray(0, 32))) {
    throw new ProofError('not-in-history', `block ${tip.number} does not commit to what is shown`)
  }
  return hashed
}
