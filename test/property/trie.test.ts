import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { fromKey, type Key, toKey } from '../../src/primitives/bytes.ts'
import { NodeFactory, type Root, type TrieNode } from '../../src/trie/node.ts'
import { bytesCodec } from '../../src/trie/ordered.ts'
import { proveKey, verifyProof } from '../../src/trie/proof.ts'
import { updateTrie, updateTriePaced } from '../../src/trie/update.ts'
import { referenceRoot, referenceTrie } from '../support/reference-trie.ts'
import { buildTrie, contentAfter, crowdedKey, lastOfEach, trieOperations } from '../support/trie-operations.ts'

const fixedKey = crowdedKey(3)
const variableKey = crowdedKey(1, 4)
const hashedKey = fc.nat(200).map((n) => keccak256Key(Uint8Array.of(n)))
const anyKeys = fc.constantFrom(fixedKey, variableKey, hashedKey)
const anyOperations = anyKeys.chain((key) => trieOperations(key))

const pausing = { pause: () => Promise.resolve() }

describe('trie', () => {
  it('has the root of another implementation after every operation', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(fixedKey, hashedKey).chain((key) => trieOperations(key)),
        async (operations) => {
          const factory = new NodeFactory(bytesCodec)
          const reference = await referenceTrie([])
          let root: Root<Uint8Array>
          for (const operation of operations) {
            root = updateTrie(factory, root, [operation])
            if (operation.value === undefined) await reference.del(fromKey(operation.key))
            else await reference.put(fromKey(operation.key), operation.value)
            expect(factory.rootHash(root)).toBe(toKey(reference.root()))
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it('has the root of a trie made of its content, also when keys are prefixes of others', async () => {
    await fc.assert(
      fc.asyncProperty(trieOperations(variableKey), async (operations) => {
        const factory = new NodeFactory(bytesCodec)
        let root: Root<Uint8Array>
        for (const operation of operations) root = updateTrie(factory, root, [operation])
        const content = contentAfter(operations)
        expect(factory.rootHash(root)).toBe(await referenceRoot(content))
        expect(factory.rootHash(root)).toBe(buildTrie(content).rootHash)
      }),
      { numRuns: 400 },
    )
  })

  it('does not depend on how operations are batched, nor on whether it pauses', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyKeys.chain((key) => fc.array(trieOperations(key, 30), { maxLength: 4 })),
        async (batches) => {
          const factory = new NodeFactory(bytesCodec)
          let oneByOne: Root<Uint8Array>
          let batched: Root<Uint8Array>
          let paced: Root<Uint8Array>
          for (const batch of batches) {
            for (const operation of batch) oneByOne = updateTrie(factory, oneByOne, [operation])
            batched = updateTrie(factory, batched, lastOfEach(batch))
            paced = await updateTriePaced(factory, paced, lastOfEach(batch).reverse(), pausing)
          }
          const { rootHash } = buildTrie(contentAfter(batches.flat()))
          expect(factory.rootHash(oneByOne)).toBe(rootHash)
          expect(factory.rootHash(batched)).toBe(rootHash)
          expect(factory.rootHash(paced)).toBe(rootHash)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('updates by the thousand with pauses as without', async () => {
    const keys = Array.from({ length: 3000 }, (_, i) => keccak256Key(Uint8Array.of(i >> 8, i & 255)))
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1_000_000 }), async (seed) => {
        const choices = keys.map((key) => (key.charCodeAt(0) * 65_536 + key.charCodeAt(1) * 256 + seed) % 3)
        const factory = new NodeFactory(bytesCodec)
        const first = keys.map((key, i) => ({ key, value: choices[i] === 0 ? undefined : Uint8Array.of(i & 255) }))
        const second = keys.flatMap((key, i) => {
          if (choices[i] === 1) return []
          return [{ key, value: choices[2999 - i] === 0 ? undefined : Uint8Array.of(7) }]
        })
        let whole: Root<Uint8Array>
        let paced: Root<Uint8Array>
        for (const changes of [first, second]) {
          whole = updateTrie(factory, whole, changes)
          paced = await updateTriePaced(factory, paced, changes, pausing)
        }
        expect(factory.rootHash(paced)).toBe(factory.rootHash(whole))
        expect(factory.rootHash(paced)).toBe(buildTrie(contentAfter([...first, ...second])).rootHash)
      }),
      { numRuns: 5 },
    )
  })

  it('leaves every older root whole', () => {
    fc.assert(
      fc.property(anyOperations, (operations) => {
        const factory = new NodeFactory(bytesCodec)
        const versions: { root: TrieNode<Uint8Array> | undefined; hash: Key; content: Map<Key, Uint8Array> }[] = []
        let root: TrieNode<Uint8Array> | undefined
        operations.forEach((operation, i) => {
          root = updateTrie(factory, root, [operation])
          versions.push({ root, hash: factory.rootHash(root), content: contentAfter(operations.slice(0, i + 1)) })
        })
        const asked = new Set(operations.map(({ key }) => key))
        for (const { root: version, hash, content } of versions) {
          expect(factory.rootHash(version)).toBe(hash)
          for (const key of asked) {
            expect(verifyProof(hash, key, proveKey(factory, version, key))).toEqual(content.get(key))
          }
        }
      }),
      { numRuns: 200 },
    )
  })
})
