import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  appendLeaf,
  type HistoryNode,
  type HistoryProof,
  historyCommitment,
  historyLeaf,
  historyWork,
  NO_PEAKS,
  type Peaks,
  peaksBefore,
  proveLeaf,
  verifyLeaf,
} from '../../src/chain/history.ts'
import { keccak256 } from '../../src/crypto/keccak.ts'
import { concatBytes, equalBytes } from '../../src/primitives/bytes.ts'
import { encodeRlp } from '../../src/primitives/rlp.ts'

const CHAIN_ID = 7n

const arbitraryLeaf = fc
  .record({
    hash: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    difficulty: fc.bigInt({ min: 1n, max: 2n ** 70n }),
    timestamp: fc.nat(),
  })
  .map(({ hash, difficulty, timestamp }) => historyLeaf(hash, { difficulty, timestamp }))
const arbitraryLeaves = fc.array(arbitraryLeaf, { minLength: 1, maxLength: 70 })

/** The model: mountains cut out of the whole list of leaves, largest first, each a perfect binary tree. */
function naiveCommitment(leaves: readonly HistoryNode[]): Uint8Array {
  const inner = (left: HistoryNode, right: HistoryNode) => ({
    root: keccak256(concatBytes(Uint8Array.of(1), encodeRlp([left.root, left.work, right.root, right.work]))),
    work: left.work + right.work,
  })
  const tree = (below: readonly HistoryNode[]): HistoryNode =>
    below.length === 1 ? below[0]! : inner(tree(below.slice(0, below.length / 2)), tree(below.slice(below.length / 2)))
  const bag = (rest: readonly HistoryNode[]): HistoryNode => {
    const size = 2 ** Math.floor(Math.log2(rest.length))
    const mountain = tree(rest.slice(0, size))
    return size === rest.length ? mountain : inner(mountain, bag(rest.slice(size)))
  }
  const { root, work } = bag(leaves)
  return keccak256(concatBytes(Uint8Array.of(2), encodeRlp([CHAIN_ID, leaves.length, root, work])))
}

class Store {
  readonly #nodes = new Map<string, HistoryNode>()

  append(peaks: Peaks, leaves: readonly HistoryNode[]): Peaks {
    let grown = peaks
    for (const leaf of leaves) {
      const appended = appendLeaf(grown, leaf)
      for (const { height, index, node } of appended.newNodes) this.#nodes.set(`${height}/${index}`, node)
      grown = appended.peaks
    }
    return grown
  }

  readonly node = (height: number, index: number): HistoryNode => {
    const node = this.#nodes.get(`${height}/${index}`)
    if (node === undefined) throw new Error(`no node ${height}/${index}`)
    return node
  }
}

describe('history range', () => {
  it('commits to what a recomputation from all leaves gives', () => {
    fc.assert(
      fc.property(arbitraryLeaves, (leaves) => {
        const peaks = new Store().append(NO_PEAKS, leaves)
        expect(historyCommitment(CHAIN_ID, peaks)).toEqual(naiveCommitment(leaves))
        expect(historyWork(peaks)).toBe(leaves.reduce((sum, leaf) => sum + leaf.work, 0n))
      }),
    )
  })

  it('does not depend on where a branch left off and another went on', () => {
    fc.assert(
      fc.property(arbitraryLeaves, arbitraryLeaves, arbitraryLeaves, (trunk, abandoned, kept) => {
        const store = new Store()
        const fork = store.append(NO_PEAKS, trunk)
        store.append(fork, abandoned)
        const peaks = store.append(fork, kept)
        expect(historyCommitment(CHAIN_ID, peaks)).toEqual(naiveCommitment([...trunk, ...kept]))
      }),
    )
  })

  it('proves every leaf of every earlier range from the nodes of the last', () => {
    fc.assert(
      fc.property(arbitraryLeaves, fc.nat(), fc.nat(), (leaves, anyCount, anyIndex) => {
        const store = new Store()
        store.append(NO_PEAKS, leaves)
        const leafCount = 1 + (anyCount % leaves.length)
        const leafIndex = anyIndex % leafCount
        const proof = proveLeaf(leafIndex, leafCount, store.node)
        const committed = naiveCommitment(leaves.slice(0, leafCount))
        expect(verifyLeaf(CHAIN_ID, leafIndex, leafCount, leaves[leafIndex]!, proof, committed)).toBe(true)
        const before = peaksBefore(leafIndex, leafCount, proof)
        expect(before).toEqual(new Store().append(NO_PEAKS, leaves.slice(0, leafIndex)))
      }),
    )
  })

  it('refuses a proof with any bit flipped', () => {
    fc.assert(
      fc.property(arbitraryLeaves, fc.nat(), fc.nat(), fc.nat(), (leaves, anyIndex, anyBit, anyNode) => {
        const store = new Store()
        const leafCount = leaves.length
        const committed = historyCommitment(CHAIN_ID, store.append(NO_PEAKS, leaves))
        const leafIndex = anyIndex % leafCount
        const leaf = leaves[leafIndex]!
        const proof = proveLeaf(leafIndex, leafCount, store.node)
        const verify = (node: HistoryNode, shown: HistoryProof, root: Uint8Array) =>
          verifyLeaf(CHAIN_ID, leafIndex, leafCount, node, shown, root)
        expect(verify(leaf, proof, committed)).toBe(true)

        const targets = [...proof.siblings, ...proof.otherPeaks, leaf]
        const place = anyNode % targets.length
        for (const flipped of [flipRoot(targets[place]!, anyBit), flipWork(targets[place]!, anyBit)]) {
          const [siblings, otherPeaks, changed] = regroup(targets.with(place, flipped), proof.siblings.length)
          expect(verify(changed, { siblings, otherPeaks }, committed)).toBe(false)
        }
        const { root } = flipRoot({ root: committed, work: 0n }, anyBit)
        expect(equalBytes(root, committed)).toBe(false)
        expect(verify(leaf, proof, root)).toBe(false)
      }),
    )
  })
})

function flipRoot({ root, work }: HistoryNode, anyBit: number): HistoryNode {
  const flipped = root.slice()
  const bit = anyBit % 256
  flipped[bit >> 3] = flipped[bit >> 3]! ^ (1 << (bit & 7))
  return { root: flipped, work }
}

function flipWork({ root, work }: HistoryNode, anyBit: number): HistoryNode {
  return { root, work: work ^ (1n << BigInt(anyBit % 72)) }
}

function regroup(nodes: readonly HistoryNode[], siblings: number): [HistoryNode[], HistoryNode[], HistoryNode] {
  return [nodes.slice(0, siblings), nodes.slice(siblings, -1), nodes.at(-1)!]
}
