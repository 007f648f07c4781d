import { equalBytes } from '../primitives/bytes.ts'
import { type HistoryNode, historyCommitment, innerNode, type Peaks, peakPositions } from './history.ts'

/**
 * Proofs of many leaves of one history range at once. What the paths of the leaves share is sent once, and what can be
 * computed from the leaves not at all: of a million blocks, 500 sampled by work need about a third of the nodes that as many
 * single proofs hold.
 *
 * A proof is the list of range nodes below which no proven leaf stands, in the order of a walk from left to right.
 */
export interface ProvenLeaf {
  /** Its block's number. */
  readonly index: number
  readonly leaf: HistoryNode
}

/**
 * @param indexes   leaves to prove: ascending, distinct, below `leafCount`.
 * @param readNode  node of the range at (height, index); nodes of longer ranges over the same blocks serve as well.
 * Cost: at most 106 reads a leaf, no hashes.
 */
export function proveLeaves(
  indexes: readonly number[],
  leafCount: number,
  readNode: (height: number, index: number) => HistoryNode,
): HistoryNode[] {
  const nodes: HistoryNode[] = []
  let next = 0
  const walk = (height: number, index: number): void => {
    const end = (index + 1) * 2 ** height
    if (next >= indexes.length || indexes[next]! >= end) nodes.push(readNode(height, index))
    else if (height === 0) next++
    else {
      walk(height - 1, 2 * index)
      walk(height - 1, 2 * index + 1)
    }
  }
  for (const { height, index } of peakPositions(leafCount)) walk(height, index)
  return nodes
}

/**
 * Checks that all `leaves` stand in the range over `leafCount` leaves that `committed` (32 bytes) stands for.
 * Never throws, whatever a peer sent as numbers, nodes or commitment.
 *
 * @param leaves  in ascending order of their indexes.
 * @returns the range before each leaf, in the order of `leaves`, and the whole one; undefined if the proof does not hold. The commitment
 * to the range before a leaf is what its block carries in `extraData`, and the work of that range is where the block
 * begins on the line of cumulative work.
 * Cost: at most 53 hashes a leaf, and 53 more.
 */
export function verifyLeaves(
  chainId: bigint,
  leafCount: number,
  leaves: readonly ProvenLeaf[],
  nodes: readonly HistoryNode[],
  committed: Uint8Array,
): { readonly before: readonly Peaks[]; readonly whole: Peaks } | undefined {
  if (!areInOrder(leaves, leafCount)) return undefined
  const before: Peaks[] = []
  /** Nodes that cover everything to the left of where the walk stands. */
  const left: HistoryNode[] = []
  let nextNode = 0
  const walk = (height: number, index: number): HistoryNode | undefined => {
    const proven = leaves[before.length]
    if (proven === undefined || proven.index >= (index + 1) * 2 ** height) return nodes[nextNode++]
    if (height === 0) {
      before.push({ leafCount: index, nodes: [...left] })
      return proven.leaf
    }
    const first = walk(height - 1, 2 * index)
    if (first === undefined) return undefined
    left.push(first)
    const second = walk(height - 1, 2 * index + 1)
    left.pop()
    return second && innerNode(first, second)
  }
  for (const { height, index } of peakPositions(leafCount)) {
    const peak = walk(height, index)
    if (peak === undefined) return undefined
    left.push(peak)
  }
  if (nextNode !== nodes.length) return undefined
  const whole = { leafCount, nodes: left }
  return equalBytes(historyCommitment(chainId, whole), committed) ? { before, whole } : undefined
}

function areInOrder(leaves: readonly ProvenLeaf[], leafCount: number): boolean {
  if (!Number.isSafeInteger(leafCount) || leafCount < 1) return false
  return leaves.every(({ index }, place) => {
    const least = place === 0 ? 0 : leaves[place - 1]!.index + 1
    return Number.isSafeInteger(index) && index >= least && index < leafCount
  })
}
