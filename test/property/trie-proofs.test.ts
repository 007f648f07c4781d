import { verifyMerkleProof } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { fromKey, type Key, toKey } from '../../src/primitives/bytes.ts'
import { DecodeError } from '../../src/primitives/errors.ts'
import { encodeRlp } from '../../src/primitives/rlp.ts'
import { proveKey, verifyProof } from '../../src/trie/proof.ts'
import { rlpItem } from '../support/arbitraries.ts'
import { referenceProof, referenceTrie } from '../support/reference-trie.ts'
import { buildTrie, crowdedKey, trieValue } from '../support/trie-operations.ts'

const hashedKey = fc.nat(200).map((n) => keccak256Key(Uint8Array.of(n)))
const anyKeys = fc.constantFrom(crowdedKey(3), crowdedKey(1, 4), hashedKey)

/** Entries of a trie and a key that may or may not be among them. */
const trieAndKey = anyKeys.chain((key) =>
  fc.record({
    content: fc
      .array(fc.tuple(key, trieValue), { minLength: 1, maxLength: 40 })
      .map((entries) => new Map<Key, Uint8Array>(entries)),
    asked: key,
    pick: fc.nat(),
  }),
)

/** The value, or undefined; 'refused' when the proof proves neither. */
function verdict(rootHash: Key, key: Key, proof: readonly Uint8Array[]): Uint8Array | undefined | 'refused' {
  try {
    return verifyProof(rootHash, key, proof)
  } catch (error) {
    if (error instanceof DecodeError) return 'refused'
    throw error
  }
}

describe('proofs', () => {
  it('show what is there and what is not', () => {
    fc.assert(
      fc.property(trieAndKey, ({ content, asked }) => {
        const { factory, root, rootHash } = buildTrie(content)
        for (const key of [asked, ...content.keys()]) {
          expect(verifyProof(rootHash, key, proveKey(factory, root, key))).toEqual(content.get(key))
        }
      }),
    )
  })

  it("are another implementation's, node by node, and its verifier takes them", async () => {
    await fc.assert(
      fc.asyncProperty(trieAndKey, async ({ content, asked, pick }) => {
        const { factory, root, rootHash } = buildTrie(content)
        const reference = await referenceTrie(content)
        const present = [...content.keys()][pick % content.size]!
        for (const key of [asked, present]) {
          const proof = proveKey(factory, root, key)
          const theirs = await referenceProof(reference, key)
          expect(proof).toEqual(theirs)
          expect(verifyProof(rootHash, key, theirs)).toEqual(content.get(key))
          const proven = await verifyMerkleProof(fromKey(key), proof, { root: fromKey(rootHash) })
          expect(proven).toEqual(content.get(key) ?? null)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('of an empty trie are empty, and show that nothing is there', () => {
    const { factory, root, rootHash } = buildTrie([])
    expect(proveKey(factory, root, 'key')).toEqual([])
    expect(verifyProof(rootHash, 'key', [])).toBeUndefined()
    expect(verdict(buildTrie([['key', Uint8Array.of(1)]]).rootHash, 'key', [])).toBe('refused')
    expect(verdict(rootHash, 'key', [Uint8Array.of(0x80)])).toBe('refused')
  })

  it('are refused with any byte changed, a node less, one more, or two in another order', () => {
    fc.assert(
      fc.property(trieAndKey, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ content, asked, pick }, at, flip) => {
        const { factory, root, rootHash } = buildTrie(content)
        const present = [...content.keys()][pick % content.size]!
        for (const key of [asked, present]) {
          const proof = proveKey(factory, root, key)
          const place = at % proof.length
          const node = proof[place]!.slice()
          node[at % node.length] = node[at % node.length]! ^ flip
          expect(verdict(rootHash, key, proof.with(place, node))).toBe('refused')
          expect(verdict(rootHash, key, proof.toSpliced(place, 1))).toBe('refused')
          expect(verdict(rootHash, key, proof.toSpliced(place, 0, proof[place]!))).toBe('refused')
          expect(verdict(rootHash, key, [...proof, encodeRlp([])])).toBe('refused')
          if (proof.length > 1) expect(verdict(rootHash, key, proof.toReversed())).toBe('refused')
        }
      }),
    )
  })

  it('are refused under another root', () => {
    fc.assert(
      fc.property(trieAndKey, fc.nat(255), ({ content, asked }, bit) => {
        const { factory, root, rootHash } = buildTrie(content)
        const other = fromKey(rootHash)
        other[bit >> 3] = other[bit >> 3]! ^ (1 << (bit & 7))
        expect(verdict(toKey(other), asked, proveKey(factory, root, asked))).toBe('refused')
      }),
    )
  })

  it('never give a wrong answer for another key', () => {
    fc.assert(
      fc.property(trieAndKey, ({ content, asked }) => {
        const { factory, root, rootHash } = buildTrie(content)
        for (const key of content.keys()) {
          const answer = verdict(rootHash, asked, proveKey(factory, root, key))
          if (answer !== 'refused') expect(answer).toEqual(content.get(asked))
        }
      }),
    )
  })

  it('made of any nodes at all are a value or refused, never anything else', () => {
    const node = fc.oneof(fc.uint8Array({ maxLength: 40 }), rlpItem.map(encodeRlp), hostileNode.map(encodeRlp))
    fc.assert(
      fc.property(fc.array(node, { maxLength: 4 }), crowdedKey(0, 3), (proof, key) => {
        // The root is what the first node hashes to, so that the nodes are looked at.
        const rootHash = keccak256Key(proof[0] ?? Uint8Array.of(0x80))
        verdict(rootHash, key, proof)
      }),
      { numRuns: 2000 },
    )
  })
})

/** Of the shapes that trie nodes have, with paths and references of all kinds, nested. */
const hostileNode = fc.letrec<{ node: (Uint8Array | unknown)[] }>((tie) => {
  const path = fc.array(fc.constantFrom(0x00, 0x10, 0x11, 0x1f, 0x20, 0x31, 0x3f, 0x40, 0xff), { maxLength: 3 })
  const item = fc.oneof({ maxDepth: 3 }, fc.uint8Array({ maxLength: 33 }), fc.constant(new Uint8Array(0)), tie('node'))
  return {
    node: fc.oneof(
      fc.tuple(
        path.map((bytes) => Uint8Array.from(bytes)),
        item,
      ),
      fc.array(item, { minLength: 16, maxLength: 18 }),
    ),
  }
}).node as fc.Arbitrary<Parameters<typeof encodeRlp>[0]>
