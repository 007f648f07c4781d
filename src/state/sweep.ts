import type { AccountNodes } from './account-nodes.ts'
import type { Handle } from './arena.ts'

export interface SweepOptions {
  /** Nodes last used in this generation or later stay, reachable or not: someone may be at work on them. */
  readonly keepFrom: number
  /** Nodes on disk last used before this one give way to stubs. At most `keepFrom`. */
  readonly evictBefore: number
}

/**
 * Frees the nodes that no root leads to, and those that are on disk and were not used of late. Safe for every version:
 * a stored node and its stub are the same thing.
 *
 * Cost: some 40 ns a node in memory, in one go.
 */
export function sweep(nodes: AccountNodes, roots: Iterable<Handle>, { keepFrom, evictBefore }: SweepOptions): void {
  const { arena } = nodes
  const stack: Handle[] = []
  const reach = (node: Handle) => {
    if (nodes.isMarked(node)) return
    nodes.setMark(node, 1)
    if (nodes.childCount(node) > 0) stack.push(node)
  }
  for (const root of roots) reach(root)
  arena.forEach((node) => {
    if (nodes.usedAt(node) >= keepFrom) reach(node)
  })
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (let i = nodes.childCount(node) - 1; i >= 0; i--) {
      const child = nodes.childAt(node, i)
      if (child === 0) continue
      // Children are used no later than their parents, so that a whole subtree goes with its top.
      if (nodes.usedAt(child) < evictBefore && nodes.isStored(child)) nodes.setChildAt(node, i, 0)
      else reach(child)
    }
  }
  arena.forEach((node) => {
    if (nodes.isMarked(node)) nodes.setMark(node, 0)
    else arena.release(node)
  })
}

/** The generation from which on nodes on disk fit into `budgetBytes`. @param latest  at most this one. */
export function evictionAge(nodes: AccountNodes, budgetBytes: number, latest: number): number {
  const bytesByAge: number[] = []
  nodes.arena.forEach((node, bytes) => {
    if (!nodes.isStored(node)) return
    const age = Math.max(0, latest - nodes.usedAt(node))
    bytesByAge[age] = (bytesByAge[age] ?? 0) + bytes
  })
  let total = 0
  for (let age = 0; age < bytesByAge.length; age++) {
    total += bytesByAge[age] ?? 0
    if (total > budgetBytes) return latest - age + 1
  }
  return 0
}
