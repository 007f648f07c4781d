import { keccak256Key } from '../crypto/keccak.ts'
import { fromKey, type Key, toKey } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { decodeRlp, type RlpItem } from '../primitives/rlp.ts'
import { divergence, EMPTY_ROOT, type NodeFactory, nibbleAt, type Root, type TrieNode } from './node.ts'

/**
 * The nodes from the root down to `key`, or to where the trie shows that there is no such key: an EIP-1186 proof of
 * inclusion or exclusion. Nodes shorter than 32 bytes stand inside their parents and are not listed.
 */
export function proveKey<V>(factory: NodeFactory<V>, root: Root<V>, key: Key): Uint8Array[] {
  const proof: Uint8Array[] = []
  let node: TrieNode<V> | undefined = root
  let depth = 0
  while (node !== undefined) {
    const encoded = factory.encode(node, depth)
    if (depth === 0 || encoded.length >= 32) proof.push(encoded)
    if (node.kind === 'leaf' || 2 * key.length === depth) break
    if (node.kind === 'branch') {
      const slot = nibbleAt(key, depth++)
      if (((node.taken >> slot) & 1) === 0) break
      node = node.children[slot]
    } else {
      const end = Math.min(node.to, 2 * key.length)
      if (end < node.to || divergence(key, node.path, node.from, end) < end) break
      depth = node.to
      node = node.child
    }
  }
  return proof
}

/**
 * Checks a proof against a root hash that the caller trusts.
 * @returns the value proven; undefined when the proof shows that the trie has no `key`.
 * @throws DecodeError if the nodes do not hash up to `rootHash`, are malformed, end early or are more than needed.
 * Cost: one hash a node. Takes any bytes.
 */
export function verifyProof(rootHash: Key, key: Key, proof: readonly Uint8Array[]): Uint8Array | undefined {
  if (proof.length === 0) {
    if (rootHash === EMPTY_ROOT) return undefined
    throw new DecodeError('proof is empty')
  }
  let expected: RlpItem = fromKey(rootHash)
  let used = 0
  let depth = 0
  for (;;) {
    let node: RlpItem
    if (expected instanceof Uint8Array) {
      const encoded = proof[used++]
      if (encoded === undefined) throw new DecodeError('proof ends early')
      if (keccak256Key(encoded) !== toKey(expected)) throw new DecodeError(`proof node ${used - 1} has another hash`)
      node = decodeRlp(encoded)
    } else node = expected
    const step = descend(node, key, depth)
    if (!('next' in step)) {
      if (used !== proof.length) throw new DecodeError('proof has nodes that are not needed')
      return step.value
    }
    expected = step.next
    depth = step.depth
  }
}

type Step = { readonly next: RlpItem; readonly depth: number } | { readonly value: Uint8Array | undefined }

function descend(node: RlpItem, key: Key, depth: number): Step {
  if (!Array.isArray(node)) throw new DecodeError('trie node is not a list')
  if (node.length === 17) {
    const item = node[2 * key.length === depth ? 16 : nibbleAt(key, depth)]!
    const empty = item instanceof Uint8Array && item.length === 0
    if (2 * key.length === depth) {
      if (!(item instanceof Uint8Array)) throw new DecodeError('branch value is a list')
      return { value: empty ? undefined : item }
    }
    return empty ? { value: undefined } : { next: reference(item), depth: depth + 1 }
  }
  const [path, rest] = node
  if (node.length !== 2 || !(path instanceof Uint8Array) || rest === undefined) throw new DecodeError('not a trie node')
  const nibbles = compactNibbles(path)
  const leaf = path[0]! >= 0x20
  const remaining = 2 * key.length - depth
  const matches = nibbles.length <= remaining && nibbles.every((nibble, i) => nibble === nibbleAt(key, depth + i))
  if (!leaf) return matches ? { next: reference(rest), depth: depth + nibbles.length } : { value: undefined }
  if (!(rest instanceof Uint8Array)) throw new DecodeError('leaf value is a list')
  return { value: matches && nibbles.length === remaining ? rest : undefined }
}

function reference(item: RlpItem): RlpItem {
  if (item instanceof Uint8Array && item.length !== 32) throw new DecodeError('trie reference is not a hash')
  return item
}

/** Nibbles of a hex-prefix encoded path. @throws DecodeError. */
function compactNibbles(path: Uint8Array): number[] {
  const flag = path[0]
  if (flag === undefined || flag >= 0x40 || ((flag & 0x10) === 0 && (flag & 15) !== 0)) {
    throw new DecodeError('malformed trie path')
  }
  const nibbles = (flag & 0x10) === 0 ? [] : [flag & 15]
  for (const byte of path.subarray(1)) nibbles.push(byte >> 4, byte & 15)
  return nibbles
}
