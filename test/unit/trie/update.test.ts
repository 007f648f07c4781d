import { describe, expect, it } from 'vitest'
import type { Key } from '../../../src/primitives/bytes.ts'
import { EMPTY_ROOT } from '../../../src/trie/node.ts'
import { updateTrie } from '../../../src/trie/update.ts'
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
      expect(factory.rootHash(update)).toBe(rootHash)
    }
    expect(updateTrie(factory, undefined, without('\x11a'))).toBeUndefined()
  })

  it('leaves an empty trie when the last key goes', () => {
    const { factory, root } = buildTrie(entries('\x11a', '\x12b'))
    const one = updateTrie(factory, root, without('\x11a'))
    expect(one?.kind).toBe('leaf')
    expect(factory.rootHash(updateTrie(factory, one, without('\x12b')))).toBe(EMPTY_ROOT)
  })

  it('moves a branch up to its grandparent, through extensions on both sides', () => {
    const { factory, root } = buildTrie(entries('\x11\x11\x11\x11', '\x11\x11\x11\x12', '\x11\x12\x00\x00'))
    const update = updateTrie(factory, root, without('\x11\x12\x00\x00'))
    expect(factory.rootHash(update)).toBe(buildTrie(entries('\x11\x11\x11\x11', '\x11\x11\x11\x12')).rootHash)
    expect(update).toMatchObject({ kind: 'extension', from: 0, to: 7 })
  })
})
