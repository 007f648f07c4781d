import type { AccountNodes } from './account-nodes.ts'
import type { Handle } from './arena.ts'

/**
 * Keeps the nodes below `root` that are on disk within a budget, by putting stubs in place of those that were not used of
 * late. Safe for every version: a stored node and its stub are the same thing.
 *
 * @param keepFrom  what was used in this generation or later stays. Cost: one walk over the nodes in memory, some 50 ns
 *   each; a second one if they exceed the budget.
 */
export function evict(nodes: AccountNodes, root: Handle, keepFrom: number, budgetBytes: number): void {
  const bytesByAge: number[] = []
  walk(nodes, root, (node) => {
    const age = Math.max(0, keepFrom - nodes.usedAt(node))
    if (nodes.isStored(node)) bytesByAge[age] = (bytesByAge[age] ?? 0) + nodes.sizeBytes(node)
  })
  let total = 0
  let age = 0
  while (age < bytesByAge.length && (total <= budgetBytes || age === 0)) total += bytesByAge[age++] ?? 0
  if (age === bytesByAge.length) return
  walk(nodes, root, (node) => stubOut(nodes, node, keepFrom - age + 1))
}

function stubOut(nodes: AccountNodes, node: Handle, evictBefore: number): void {
  for (let i = nodes.childCount(node) - 1; i >= 0; i--) {
    const child = nodes.childAt(node, i)
    // Children are used no later than their parents, so that a whole subtree goes with its top.
    if (child === 0 || !nodes.isStored(child) || nodes.usedAt(child) >= evictBefore) continue
    nodes.setChildAt(node, i, 0)
    nodes.release(child)
  }
}

function walk(nodes: AccountNodes, root: Handle, visit: (node: Handle) => void): void {
  const stack: Handle[] = [root]
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    visit(node)
    for (let i = nodes.childCount(node) - 1; i >= 0; i--) {
      const child = nodes.childAt(node, i)
      if (child !== 0) stack.push(child)
    }
  }
}
