import type { Key } from '../primitives/bytes.ts'
import { withNibble } from '../trie/node.ts'
import type { AccountNodes } from './account-nodes.ts'
import type { Handle } from './arena.ts'

/** Identity of a place in the trie: its depth and the nibbles that lead there. Distinct for distinct places. */
export function pathKey(key: Key, depth: number): Key {
  const whole = key.slice(0, depth >> 1)
  const half = (depth & 1) === 0 ? '' : String.fromCharCode(key.charCodeAt(depth >> 1) & 0xf0)
  return String.fromCharCode(depth) + whole + half
}

/** A byte string that begins with the nibbles that lead to an extension at `depth`, and its own. */
export function extensionPath(nodes: AccountNodes, extension: Handle, key: Key, depth: number): Key {
  const length = nodes.extensionLength(extension)
  let path = key
  for (let i = 0; i < length; i++) path = withNibble(path, depth + i, nodes.extensionNibble(extension, i))
  return path
}
