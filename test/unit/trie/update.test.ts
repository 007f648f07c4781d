import { describe, expect, it } from 'vitest'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import type { Key } from '../../../src/primitives/bytes.ts'
import { EMPTY_ROOT, NodeFactory, pathKey } from '../../../src/trie/node.ts'
import { bytesCodec } from '../../../src/trie/ordered.ts'
import { MissingNodeError, updateTrie } from '../../../src/trie/update.ts'
import { buildTrie } from '../../support/trie-operations.ts'

const value = new Uint8Array(40).fill(7)

function entries(...keys: readonly Key[]) {
  return keys.map((key) => [key, value] as const)
}

function without(key: Key) {
  return [{ key, value: undefined }]
}

describe('updates', () => {
  it('deletes what is not there without changing anything', () => {
    const { factory, root, rootHash } = buildTrie(entries('\x11a', '\x21b', '\x22c'))
    // In an empty slot, beside a leaf, beside a branch's children, and past an extension.
    for (const absent of ['\x31d', '\x11b', '\x23c', '\x22d']) {
      const update = updateTrie(factory, root, without(absent))
      expect(factory.rootHash(update.root)).toBe(rootHash)
      expect(update.removed).toEqual([])
    }
    expect(updateTrie(factory, undefined, without('\x11a')).root).toBeUndefined()
  })

  it('leaves an empty trie when the last key goes', () => {
    const { factory, root } = buildTrie(entries('\x11a', '\x12b'))
    const one = updateTrie(factory, root, without('\x11a'))
    expect(one.root?.kind).toBe('leaf')
    expect(new Set(one.removed)).toEqual(new Set([pathKey('\x11', 0), pathKey('\x11', 1)]))
    const none = updateTrie(factory, one.root, without('\x12b'))
    expect(factory.rootHash(none.root)).toBe(EMPTY_ROOT)
  })

  it('moves a branch up to its grandparent, through extensions on both sides', () => {
    const { factory, root } = buildTrie(entries('\x11\x11\x11\x11', '\x11\x11\x11\x12', '\x11\x12\x00\x00'))
    const update = updateTrie(factory, root, without('\x11\x12\x00\x00'))
    expect(factory.rootHash(update.root)).toBe(buildTrie(entries('\x11\x11\x11\x11', '\x11\x11\x11\x12')).rootHash)
    expect(update.root).toMatchObject({ kind: 'extension', from: 0, to: 7 })
    // The branch that collapsed, and the extension below it that the one above has taken in.
    expect(new Set(update.removed)).toEqual(new Set([pathKey('\x11\x11', 3), pathKey('\x11\x11', 4)]))
  })

  it('names the node it lacks', () => {
    const keys = Array.from({ length: 50 }, (_, i) => keccak256Key(Uint8Array.of(i)))
    const { rootHash } = buildTrie(entries(...keys))
    const factory = new NodeFactory(bytesCodec)
    const missing = (action: () => unknown) => {
      try {
        action()
      } catch (error) {
        if (error instanceof MissingNodeError) return error
        throw error
      }
      return undefined
    }
    expect(missing(() => updateTrie(factory, rootHash, [{ key: keys[0]!, value }]))?.depth).toBe(0)
    const { root } = buildTrie(entries(...keys))
    if (root?.kind !== 'branch') throw new Error('fifty hashed keys do not begin alike')
    const slot = root.children.findIndex((child) => child?.kind === 'branch')
    const key = keys.find((candidate) => candidate.charCodeAt(0) >> 4 === slot)!
    root.children[slot] = undefined
    const error = missing(() => updateTrie(factory, root, [{ key, value }]))
    expect(error).toMatchObject({ path: key, depth: 1 })
  })

  it('asks for the only sibling left of a deleted key', () => {
    const { factory, root } = buildTrie(entries('\x11a', '\x21b', '\x22c'))
    if (root?.kind !== 'branch') throw new Error('the keys differ in their first nibble')
    root.children[2] = undefined
    expect(() => updateTrie(factory, root, without('\x11a'))).toThrow(MissingNodeError)
    expect(() => updateTrie(factory, root, [{ key: '\x11a', value: new Uint8Array(40) }])).not.toThrow()
  })
})
