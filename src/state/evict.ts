import type { Child, TrieNode } from '../trie/node.ts'
import type { Pacer } from '../trie/update.ts'
import type { AccountValue } from './account-value.ts'

/** Bytes of heap a node takes, measured with its strings; what matters is their proportion. */
const BRANCH_BYTES = 280
const STUB_BYTES = 48
const LEAF_BYTES = 176
const EXTENSION_BYTES = 200

/** Work between two looks at the clock. */
const PACED_NODES = 4096

/**
 * Keeps the nodes in memory below a budget by putting stubs in place of stored nodes that were not used of late. Safe for
 * every layer: a stored node and its stub are the same thing.
 *
 * Cost: one walk over the nodes in memory, a second one if they exceed the budget.
 * @returns bytes held afterwards.
 */
export async function evict(
  root: Child<AccountValue>,
  generation: number,
  budgetBytes: number,
  pacer: Pacer,
): Promise<number> {
  const bytesByAge: number[] = []
  await walk(root, pacer, (node) => {
    if (node.kind === 'leaf') return
    const age = Math.max(0, generation - node.usedAt)
    bytesByAge[age] = (bytesByAge[age] ?? 0) + sizeOf(node)
  })
  let total = 0
  let oldest = bytesByAge.length
  for (let age = 0; age < bytesByAge.length; age++) {
    total += bytesByAge[age] ?? 0
    if (total > budgetBytes && oldest === bytesByAge.length) oldest = Math.max(age, MIN_AGE)
  }
  if (oldest >= bytesByAge.length) return total
  const keepFrom = generation - oldest
  let held = 0
  await walk(root, pacer, (node) => {
    held += sizeOf(node)
    stubOut(node, keepFrom)
  })
  return held
}

/** Generations that are never evicted: what was loaded for a block must still be there when it executes. */
const MIN_AGE = 8

function sizeOf(node: TrieNode<AccountValue>): number {
  if (node.kind !== 'branch') return EXTENSION_BYTES
  let bytes = BRANCH_BYTES
  for (const child of node.children) {
    if (typeof child === 'string') bytes += STUB_BYTES
    else if (child?.kind === 'leaf') bytes += LEAF_BYTES
  }
  return bytes
}

function stubOut(node: TrieNode<AccountValue>, keepFrom: number): void {
  if (node.kind === 'leaf') return
  if (node.kind === 'extension') {
    if (typeof node.child === 'object' && isOld(node.child, keepFrom)) node.child = node.child.ref
    return
  }
  for (let slot = 0; slot < 16; slot++) {
    const child = node.children[slot]
    if (typeof child === 'object' && isOld(child, keepFrom)) node.children[slot] = child.ref
  }
}

/** Children are used no later than their parents, so that a whole subtree goes with its top. */
function isOld(node: TrieNode<AccountValue>, keepFrom: number): boolean {
  return node.kind !== 'leaf' && node.stored && node.usedAt < keepFrom
}

async function walk(
  root: Child<AccountValue>,
  pacer: Pacer,
  visit: (node: TrieNode<AccountValue>) => void,
): Promise<void> {
  const stack = typeof root === 'object' ? [root] : []
  let sincePause = 0
  for (;;) {
    const node = stack.pop()
    if (node === undefined) return
    visit(node)
    if (node.kind === 'branch') {
      for (const child of node.children) if (typeof child === 'object' && child.kind !== 'leaf') stack.push(child)
    } else if (node.kind === 'extension' && typeof node.child === 'object') stack.push(node.child)
    if (++sincePause === PACED_NODES) {
      sincePause = 0
      const pause = pacer.pause()
      if (pause !== undefined) await pause
    }
  }
}
