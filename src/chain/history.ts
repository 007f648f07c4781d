import { keccak256 } from '../crypto/keccak.ts'
import { assert } from '../primitives/assert.ts'
import { bigintToBytes, bytesToBigint, concatBytes, equalBytes } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import type { Header } from '../primitives/header.ts'
import { encodeRlp, type RlpInput } from '../primitives/rlp.ts'

/**
 * The history range: a Merkle mountain range over all headers, each node with the work below it, in the manner of
 * FlyClient (eprint 2019/226) and ZIP-221. Block n commits to the range over blocks 0 … n-1, so that a light node can
 * ask for any header by number or by cumulative work and check the answer against the tip alone.
 *
 * Pure: ranges are immutable values of at most 53 nodes, cheap enough for every side branch to keep its own. A store
 * keeps the nodes of the canonical chain by (height, index); index counts the nodes of one height from the left.
 */
export interface HistoryNode {
  /** 32 bytes. */
  readonly root: Uint8Array
  /** Sum of the difficulties of the leaves below. */
  readonly work: bigint
}

/** The range over blocks 0 … leafCount-1: its mountains' tops, from left to right, heights falling. */
export interface Peaks {
  readonly leafCount: number
  readonly nodes: readonly HistoryNode[]
}

export interface PlacedNode {
  /** 0 for leaves. */
  readonly height: number
  readonly index: number
  readonly node: HistoryNode
}

/** Shows that a leaf is in a range. At most 53 nodes in each list. */
export interface HistoryProof {
  /** Siblings on the way from the leaf to its peak. */
  readonly siblings: readonly HistoryNode[]
  /** The other peaks, from left to right. */
  readonly otherPeaks: readonly HistoryNode[]
}

export const NO_PEAKS: Peaks = { leafCount: 0, nodes: [] }

/** Leaves, inner nodes and commitments hash apart: none can be passed off as another. */
const LEAF_TAG = Uint8Array.of(0)
const INNER_TAG = Uint8Array.of(1)
const COMMITMENT_TAG = Uint8Array.of(2)

function taggedHash(tag: Uint8Array, fields: readonly RlpInput[]): Uint8Array {
  return keccak256(concatBytes(tag, encodeRlp(fields)))
}

/** The leaf of a block, whose number is the leaf's index. */
export function historyLeaf(hash: Uint8Array, header: Pick<Header, 'difficulty' | 'timestamp'>): HistoryNode {
  return { root: taggedHash(LEAF_TAG, [hash, header.difficulty, header.timestamp]), work: header.difficulty }
}

/** The node above two others. Cost: one hash. */
export function innerNode(left: HistoryNode, right: HistoryNode): HistoryNode {
  return {
    root: taggedHash(INNER_TAG, [left.root, left.work, right.root, right.work]),
    work: left.work + right.work,
  }
}

/**
 * The range with one more leaf, and the nodes that came into being, leaf first.
 * Cost: one hash for each trailing one bit of leafCount, one on average.
 */
export function appendLeaf(
  peaks: Peaks,
  leaf: HistoryNode,
): { readonly peaks: Peaks; readonly newNodes: readonly PlacedNode[] } {
  const nodes = [...peaks.nodes]
  let top: PlacedNode = { height: 0, index: peaks.leafCount, node: leaf }
  const newNodes = [top]
  // As in binary addition: two mountains of one height become one of the next.
  while (top.index % 2 === 1) {
    top = { height: top.height + 1, index: (top.index - 1) / 2, node: innerNode(nodes.pop()!, top.node) }
    newNodes.push(top)
  }
  nodes.push(top.node)
  return { peaks: { leafCount: peaks.leafCount + 1, nodes }, newNodes }
}

/**
 * What the block after the range carries in `extraData`: 32 bytes. `peaks` is not empty.
 * Cost: one hash for each peak.
 */
export function historyCommitment(chainId: bigint, { leafCount, nodes }: Peaks): Uint8Array {
  assert(nodes.length > 0, 'an empty range has no commitment')
  const bagged = nodes.reduceRight((right, peak) => innerNode(peak, right))
  return taggedHash(COMMITMENT_TAG, [chainId, leafCount, bagged.root, bagged.work])
}

/** Total work of the range: the total difficulty of its last block. */
export function historyWork(peaks: Peaks): bigint {
  return peaks.nodes.reduce((work, peak) => work + peak.work, 0n)
}

/** Where the peaks of a range over `leafCount` leaves stand, from left to right: one for each set bit. */
export function peakPositions(leafCount: number): { readonly height: number; readonly index: number }[] {
  const positions = []
  let start = 0
  for (let height = 52; height >= 0; height--) {
    const size = 2 ** height
    if (leafCount - start < size) continue
    positions.push({ height, index: start / size })
    start += size
  }
  return positions
}

/** Which of the peaks stands above a leaf: its place from the left, and its height. */
function peakAbove(leafIndex: number, leafCount: number): { readonly place: number; readonly height: number } {
  const positions = peakPositions(leafCount)
  const place = positions.findIndex(({ height, index }) => leafIndex < (index + 1) * 2 ** height)
  return { place, height: positions[place]!.height }
}

/**
 * @param readNode  node of the range at (height, index); nodes of longer ranges over the same blocks serve as well.
 * Cost: at most 104 reads, no hashes.
 */
export function proveLeaf(
  leafIndex: number,
  leafCount: number,
  readNode: (height: number, index: number) => HistoryNode,
): HistoryProof {
  assert(leafIndex >= 0 && leafIndex < leafCount, `no leaf ${leafIndex} in a range of ${leafCount}`)
  const { place, height } = peakAbove(leafIndex, leafCount)
  const siblings: HistoryNode[] = []
  for (let level = 0, index = leafIndex; level < height; level++, index = Math.floor(index / 2)) {
    siblings.push(readNode(level, index % 2 === 0 ? index + 1 : index - 1))
  }
  const others = peakPositions(leafCount).filter((_, i) => i !== place)
  return { siblings, otherPeaks: others.map((position) => readNode(position.height, position.index)) }
}

/**
 * True if `leaf` is leaf `leafIndex` of the range over `leafCount` leaves that `committed` (32 bytes) stands for.
 * Never throws, whatever a peer sent as numbers, commitment or lengths.
 * Cost: at most 106 hashes, fewer when the proof has the wrong shape.
 */
export function verifyLeaf(
  chainId: bigint,
  leafIndex: number,
  leafCount: number,
  leaf: HistoryNode,
  proof: HistoryProof,
  committed: Uint8Array,
): boolean {
  if (!hasShape(leafIndex, leafCount, proof)) return false
  let node = leaf
  let index = leafIndex
  for (const sibling of proof.siblings) {
    node = index % 2 === 0 ? innerNode(node, sibling) : innerNode(sibling, node)
    index = Math.floor(index / 2)
  }
  const nodes = proof.otherPeaks.toSpliced(peakAbove(leafIndex, leafCount).place, 0, node)
  return equalBytes(historyCommitment(chainId, { leafCount, nodes }), committed)
}

function hasShape(leafIndex: number, leafCount: number, proof: HistoryProof): boolean {
  if (!Number.isSafeInteger(leafIndex) || !Number.isSafeInteger(leafCount)) return false
  if (leafIndex < 0 || leafIndex >= leafCount) return false
  return (
    proof.siblings.length === peakAbove(leafIndex, leafCount).height &&
    proof.otherPeaks.length === peakPositions(leafCount).length - 1
  )
}

/**
 * The range over blocks 0 … leafIndex-1, out of a proof that `verifyLeaf` accepted: its commitment must be what block
 * `leafIndex` carries, and its work is where that block begins on the line of cumulative work.
 * Cost: no hashes.
 */
export function peaksBefore(leafIndex: number, leafCount: number, proof: HistoryProof): Peaks {
  const { place } = peakAbove(leafIndex, leafCount)
  const leftSiblings = proof.siblings.filter((_, level) => Math.floor(leafIndex / 2 ** level) % 2 === 1)
  return { leafCount: leafIndex, nodes: [...proof.otherPeaks.slice(0, place), ...leftSiblings.reverse()] }
}

/** On disk: root ‖ work, minimal big-endian. */
export function encodeHistoryNode({ root, work }: HistoryNode): Uint8Array {
  return concatBytes(root, bigintToBytes(work))
}

/** @throws DecodeError unless 32 to 64 bytes, without a leading zero in the work. */
export function decodeHistoryNode(encoded: Uint8Array): HistoryNode {
  if (encoded.length < 32 || encoded.length > 64) throw new DecodeError(`history node of ${encoded.length} bytes`)
  if (encoded[32] === 0) throw new DecodeError('history node whose work has a leading zero')
  return { root: encoded.slice(0, 32), work: bytesToBigint(encoded.subarray(32)) }
}
