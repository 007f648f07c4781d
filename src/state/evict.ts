import type { Branch, Extension, TrieNode } from '../trie/node.ts'
import type { AccountValue } from './account-value.ts'

type InnerNode = Branch<AccountValue> | Extension<AccountValue>

/** Bytes of heap a node takes, measured with its strings; what matters is their proportion. */
const BRANCH_BYTES = 350
const LEAF_BYTES = 120
const EXTENSION_BYTES = 200

/**
 * Keeps the nodes in memory below a budget by putting stubs in place of stored nodes that were not used of late. Safe for
 * every layer: a stored node and its stub are the same thing.
 *
 * Cost: one walk over the nodes in memory, some 0.2 µs each; a second one if they exceed the budget.
 */
export function evict(root: TrieNode<AccountValue> | undefined, generation: number, budgetBytes: number): void {
  const bytesByAge: number[] = []
  walk(root, (node) => {
    const age = generation - node.usedAt
    bytesByAge[age] = (bytesByAge[age] ?? 0) + sizeOf(node)
  })
  let total = 0
  let age = 0
  while (age < bytesByAge.length && (total <= budgetBytes || age < MIN_AGE)) total += bytesByAge[age++] ?? 0
  if (age === bytesByAge.length) return
  walk(root, (node) => stubOut(node, generation - age))
}

/** Generations that are never evicted: what was loaded for a block must still be there when it executes. */
const MIN_AGE = 8

function sizeOf(node: InnerNode): number {
  if (node.kind !== 'branch') return EXTENSION_BYTES
  let bytes = BRANCH_BYTES + node.rlp.length + node.packed.length
  for (let slot = 0; slot < 16; slot++) if (node.children[slot]?.kind === 'leaf') bytes += LEAF_BYTES
  return bytes
}

function stubOut(node: InnerNode, keepFrom: number): void {
  if (node.kind === 'extension') {
    if (node.child !== undefined && isOld(node.child, keepFrom)) node.child = undefined
    return
  }
  for (let slot = 0; slot < 16; slot++) {
    const child = node.children[slot]
    if (child !== undefined && isOld(child, keepFrom)) node.children[slot] = undefined
  }
}

/** Children are used no later than their parents, so that a whole subtree goes with its top. */
function isOld(node: TrieNode<AccountValue>, keepFrom: number): boolean {
  return node.kind !== 'leaf' && node.stored && node.usedAt < keepFrom
}

function walk(root: TrieNode<AccountValue> | undefined, visit: (node: InnerNode) => void): void {
  const stack: InnerNode[] = []
  const push = (child: TrieNode<AccountValue> | undefined) => {
    if (child !== undefined && child.kind !== 'leaf') stack.push(child)
  }
  push(root)
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    visit(node)
    if (node.kind === 'branch') for (let slot = 0; slot < 16; slot++) push(node.children[slot])
    else push(node.child)
  }
}
