import { describe, expect, it } from 'vitest'
import {
  appendLeaf,
  decodeHistoryNode,
  encodeHistoryNode,
  type HistoryNode,
  historyCommitment,
  historyLeaf,
  historyWork,
  NO_PEAKS,
  type Peaks,
  peakPositions,
  peaksBefore,
  proveLeaf,
  verifyLeaf,
} from '../../../src/chain/history.ts'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { DecodeError } from '../../../src/primitives/errors.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'

const CHAIN_ID = 1337n
const leafAt = (number: number) =>
  historyLeaf(new Uint8Array(32).fill(number), { difficulty: BigInt(100 + number), timestamp: 1_700_000_000 + number })

function build(leafCount: number): { peaks: Peaks; nodes: Map<string, HistoryNode> } {
  const nodes = new Map<string, HistoryNode>()
  let peaks = NO_PEAKS
  for (let number = 0; number < leafCount; number++) {
    const appended = appendLeaf(peaks, leafAt(number))
    peaks = appended.peaks
    for (const { height, index, node } of appended.newNodes) nodes.set(`${height}/${index}`, node)
  }
  return { peaks, nodes }
}

const inner = (left: HistoryNode, right: HistoryNode): HistoryNode => ({
  root: keccak256(concatBytes(Uint8Array.of(1), encodeRlp([left.root, left.work, right.root, right.work]))),
  work: left.work + right.work,
})
const committed = (leafCount: number, bagged: HistoryNode) =>
  keccak256(concatBytes(Uint8Array.of(2), encodeRlp([CHAIN_ID, leafCount, bagged.root, bagged.work])))

describe('history range', () => {
  it('hashes a leaf from header hash, difficulty and timestamp', () => {
    const hash = new Uint8Array(32).fill(7)
    const { root, work } = historyLeaf(hash, { difficulty: 131_072n, timestamp: 1_700_000_000 })
    expect(root).toEqual(keccak256(concatBytes(Uint8Array.of(0), encodeRlp([hash, 131_072n, 1_700_000_000]))))
    expect(work).toBe(131_072n)
  })

  it('bags its peaks from right to left', () => {
    // Seven leaves: mountains of 4, 2 and 1.
    const [a, b, c, d, e, f, g] = [0, 1, 2, 3, 4, 5, 6].map(leafAt) as [HistoryNode, ...HistoryNode[]]
    const left = inner(inner(a, b!), inner(c!, d!))
    const middle = inner(e!, f!)
    const { peaks } = build(7)
    expect(peaks).toEqual({ leafCount: 7, nodes: [left, middle, g] })
    expect(historyCommitment(CHAIN_ID, peaks)).toEqual(committed(7, inner(left, inner(middle, g!))))
    expect(historyWork(peaks)).toBe(721n)
  })

  it('commits to a single leaf without an inner node', () => {
    expect(historyCommitment(CHAIN_ID, build(1).peaks)).toEqual(committed(1, leafAt(0)))
  })

  it('commits to the chain id and to the count, not to the nodes alone', () => {
    const { peaks } = build(3)
    const reference = historyCommitment(CHAIN_ID, peaks)
    expect(historyCommitment(CHAIN_ID + 1n, peaks)).not.toEqual(reference)
    expect(historyCommitment(CHAIN_ID, { ...peaks, leafCount: 5 })).not.toEqual(reference)
  })

  it('has no commitment while empty', () => {
    expect(() => historyCommitment(CHAIN_ID, NO_PEAKS)).toThrow('empty')
  })

  it('names each new node by height and index, leaf first', () => {
    const places = (leafCount: number) =>
      appendLeaf(build(leafCount).peaks, leafAt(leafCount)).newNodes.map(({ height, index }) => [height, index])
    expect(places(0)).toEqual([[0, 0]])
    expect(places(1)).toEqual([
      [0, 1],
      [1, 0],
    ])
    expect(places(6)).toEqual([[0, 6]])
    expect(places(7)).toEqual([
      [0, 7],
      [1, 3],
      [2, 1],
      [3, 0],
    ])
  })

  it('leaves the range it appends to as it was, so that branches can part', () => {
    const { peaks } = build(3)
    const before = historyCommitment(CHAIN_ID, peaks)
    const one = appendLeaf(peaks, leafAt(3)).peaks
    const other = appendLeaf(peaks, leafAt(200)).peaks
    expect(historyCommitment(CHAIN_ID, one)).not.toEqual(historyCommitment(CHAIN_ID, other))
    expect(historyCommitment(CHAIN_ID, peaks)).toEqual(before)
  })

  it('places peaks at counts beyond 32 bits', () => {
    expect(peakPositions(2 ** 40 + 3)).toEqual([
      { height: 40, index: 0 },
      { height: 1, index: 2 ** 39 },
      { height: 0, index: 2 ** 40 + 2 },
    ])
    expect(peakPositions(Number.MAX_SAFE_INTEGER)).toHaveLength(53)
  })
})

describe('proofs', () => {
  const { peaks, nodes } = build(11)
  const root = historyCommitment(CHAIN_ID, peaks)
  const proof = proveLeaf(5, 11, (height, index) => nodes.get(`${height}/${index}`)!)

  it('read only the nodes they need', () => {
    const read: string[] = []
    proveLeaf(5, 11, (height, index) => {
      read.push(`${height}/${index}`)
      return nodes.get(`${height}/${index}`)!
    })
    expect(read).toEqual(['0/4', '1/3', '2/0', '1/4', '0/10'])
  })

  it('show a leaf at its index and nowhere else', () => {
    for (let index = 0; index < 11; index++) {
      expect(verifyLeaf(CHAIN_ID, index, 11, leafAt(5), proof, root)).toBe(index === 5)
      expect(verifyLeaf(CHAIN_ID, 5, 11, leafAt(index), proof, root)).toBe(index === 5)
    }
  })

  it('are refused, not thrown on, with impossible numbers or lengths', () => {
    const refused = (leafIndex: number, leafCount: number, candidate = proof, commitment = root) =>
      expect(verifyLeaf(CHAIN_ID, leafIndex, leafCount, leafAt(5), candidate, commitment)).toBe(false)
    for (const index of [-1, 11, 5.5, Number.NaN, 2 ** 53]) refused(index, 11)
    for (const count of [0, -11, 11.5, 2 ** 60, Number.POSITIVE_INFINITY]) refused(5, count)
    refused(5, 11, { ...proof, siblings: proof.siblings.slice(1) })
    refused(5, 11, { ...proof, siblings: [...proof.siblings, leafAt(1)] })
    refused(5, 11, { ...proof, otherPeaks: proof.otherPeaks.slice(1) })
    refused(5, 11, { ...proof, otherPeaks: [...proof.otherPeaks, leafAt(1)] })
    refused(5, 11, proof, root.subarray(1))
    expect(verifyLeaf(CHAIN_ID + 1n, 5, 11, leafAt(5), proof, root)).toBe(false)
  })

  it('cannot be asked for beyond the range', () => {
    const readNode = () => leafAt(0)
    expect(() => proveLeaf(11, 11, readNode)).toThrow('no leaf 11')
    expect(() => proveLeaf(-1, 11, readNode)).toThrow('no leaf -1')
  })

  it('hold the range before the leaf, and with it where the leaf begins in cumulative work', () => {
    for (let index = 0; index < 11; index++) {
      const shown = proveLeaf(index, 11, (height, at) => nodes.get(`${height}/${at}`)!)
      expect(peaksBefore(index, 11, shown)).toEqual(build(index).peaks)
    }
    expect(historyWork(peaksBefore(5, 11, proof))).toBe(510n)
  })
})

describe('nodes on disk', () => {
  it('come back as they were', () => {
    for (const work of [0n, 1n, 255n, 256n, 2n ** 256n - 1n]) {
      const node = { root: leafAt(1).root, work }
      expect(decodeHistoryNode(encodeHistoryNode(node))).toEqual(node)
    }
  })

  it('are refused when too short, too long, or padded', () => {
    expect(() => decodeHistoryNode(new Uint8Array(31))).toThrow(DecodeError)
    expect(() => decodeHistoryNode(new Uint8Array(65).fill(1))).toThrow(DecodeError)
    expect(() => decodeHistoryNode(new Uint8Array(33))).toThrow(DecodeError)
  })
})
