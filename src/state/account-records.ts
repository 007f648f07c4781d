import { KEY_BYTES, MAX_VALUE_BYTES } from './account-leaf.ts'
import {
  type AccountNodes,
  BRANCH,
  BRANCH_PREFIX,
  EXTENSION,
  LEAF,
  listHeaderLength,
  packedKeyStart,
} from './account-nodes.ts'
import type { Handle } from './arena.ts'

/**
 * Makes a node of a record as read from disk, without children in memory. Only its form is judged here: whoever asks
 * compares hashes, the node's with what its parent holds, and a leaf's when it is used.
 * @returns 0 if it has not the form of a record that stands at `depth`.
 */
export function readNodeRecord(nodes: AccountNodes, record: Uint8Array, depth: number): Handle {
  const kind = record[0]
  if (kind === BRANCH) return readBranch(nodes, record, depth)
  if (kind === EXTENSION) return readExtension(nodes, record, depth)
  if (kind !== LEAF || depth !== 0) return 0
  const valueLength = record.length - 1 - KEY_BYTES
  if (valueLength < 1 || valueLength > MAX_VALUE_BYTES) return 0
  return install(nodes, kind, 0, record)
}

function readBranch(nodes: AccountNodes, record: Uint8Array, depth: number): Handle {
  if (record.length < BRANCH_PREFIX || depth > 63) return 0
  const rlpEnd = BRANCH_PREFIX + ((record[1]! << 8) | record[2]!)
  const header = record[BRANCH_PREFIX]
  let at = BRANCH_PREFIX + (header === 0xf8 ? 2 : 3)
  let taken = 0
  let count = 0
  for (let slot = 0; slot < 16; slot++) {
    if (record[at] === 0xa0) {
      taken |= 1 << slot
      count++
      at += 1 + KEY_BYTES
    } else if (record[at] === 0x80) at++
    else return 0
  }
  const payload = 17 + 32 * count
  const payloadFits =
    count < 8
      ? header === 0xf8 && record[BRANCH_PREFIX + 1] === payload
      : header === 0xf9 && ((record[BRANCH_PREFIX + 1]! << 8) | record[BRANCH_PREFIX + 2]!) === payload
  if (count < 2 || !payloadFits || record[at] !== 0x80 || at + 1 !== rlpEnd || rlpEnd + 2 > record.length) return 0
  if (rlpEnd !== BRANCH_PREFIX + listHeaderLength(count) + payload) return 0
  const leaves = (record[rlpEnd]! << 8) | record[rlpEnd + 1]!
  if ((leaves & ~taken) !== 0) return 0
  const keyBytes = KEY_BYTES - packedKeyStart(depth)
  let end = rlpEnd + 2
  let children = count
  for (let mask = leaves; mask !== 0; mask &= mask - 1) {
    const lengthAt = end + keyBytes
    if (lengthAt + 2 > record.length) return 0
    const length = (record[lengthAt]! << 8) | record[lengthAt + 1]!
    if (length < 1 || length > MAX_VALUE_BYTES) return 0
    end = lengthAt + 2 + length
    children--
  }
  if (end !== record.length) return 0
  const node = install(nodes, BRANCH, children, record)
  nodes.setSlots(node, taken, leaves)
  return node
}

function readExtension(nodes: AccountNodes, record: Uint8Array, depth: number): Handle {
  const long = record[1] === 0xf8
  const payload = long ? record[2]! : record[1]! - 0xc0
  const pathAt = long ? 3 : 2
  const hashItemAt = record.length - 1 - KEY_BYTES
  if (payload !== record.length - pathAt || long !== payload > 55 || record[hashItemAt] !== 0xa0) return 0
  const single = record[pathAt]! < 0x80
  const flagAt = single ? pathAt : pathAt + 1
  const pathBytes = hashItemAt - flagAt
  if (pathBytes < 1 || single !== (pathBytes === 1) || (!single && record[pathAt] !== 0x80 + pathBytes)) return 0
  const flag = record[flagAt]!
  const nibbles = 2 * (pathBytes - 1) + ((flag >> 4) & 1)
  if (flag >= 0x20 || ((flag & 0x10) === 0 && flag !== 0) || nibbles < 1 || depth + nibbles > 63) return 0
  return install(nodes, EXTENSION, 1, record)
}

function install(nodes: AccountNodes, kind: number, children: number, record: Uint8Array): Handle {
  const node = nodes.create(kind, children, record.length)
  for (let i = 0; i < children; i++) nodes.setChildAt(node, i, 0)
  nodes.arena.bytes.set(record, nodes.recordAt(node))
  nodes.markStored(node)
  return node
}
