import type { Key } from '../primitives/bytes.ts'
import {
  type Branch,
  divergence,
  type Extension,
  type Leaf,
  type NodeFactory,
  nibbleAt,
  type Root,
  type TrieNode,
  withNibble,
} from './node.ts'

/** `value` undefined deletes the key. */
export interface TrieChange<V> {
  readonly key: Key
  readonly value: V | undefined
}

/** Between two slices of work `pause` lets other work of the thread run. */
export interface Pacer {
  /** Resolves at once unless the current slice has used up its time. */
  pause(): Promise<void> | undefined
}

/**
 * Applies all `changes` (distinct keys, any order) in one descent: every node that several keys share is hashed once.
 *
 * Cost: O(changes × depth) steps, one hash a changed node.
 */
export function updateTrie<V>(factory: NodeFactory<V>, root: Root<V>, changes: readonly TrieChange<V>[]): Root<V> {
  return changes.length === 0 ? root : new Updater(factory).apply(root, changes, 0)
}

/** As `updateTrie`, but lets other work of this thread run between subtrees. `root` stays valid throughout. */
export async function updateTriePaced<V>(
  factory: NodeFactory<V>,
  root: Root<V>,
  changes: readonly TrieChange<V>[],
  pacer: Pacer,
): Promise<Root<V>> {
  return changes.length === 0 ? root : await new Updater(factory).applyPaced(root, changes, 0, pacer)
}

/** Changes below which a subtree is updated in one go, some 0.3 ms of work. */
const PACED_CHANGES = 64

class Updater<V> {
  readonly #factory: NodeFactory<V>

  constructor(factory: NodeFactory<V>) {
    this.#factory = factory
  }

  /** `changes` is not empty. */
  apply(node: TrieNode<V> | undefined, changes: readonly TrieChange<V>[], depth: number): TrieNode<V> | undefined {
    if (node === undefined) return this.#build(live(changes), depth)
    if (node.kind === 'leaf') return this.#applyToLeaf(node, changes, depth)
    return node.kind === 'extension' ? this.#applyToExtension(node, changes) : this.#applyToBranch(node, changes, depth)
  }

  async applyPaced(
    node: TrieNode<V> | undefined,
    changes: readonly TrieChange<V>[],
    depth: number,
    pacer: Pacer,
  ): Promise<TrieNode<V> | undefined> {
    if (changes.length <= PACED_CHANGES || node?.kind === 'leaf' || node?.kind === 'extension') {
      const pause = pacer.pause()
      if (pause !== undefined) await pause
      return this.apply(node, changes, depth)
    }
    const groups = partition(changes, depth)
    if (node === undefined) {
      const entries = live(changes)
      const shared = sharedDepth(entries, depth)
      if (entries.length < 2 || shared > depth) return this.#build(entries, depth)
      const children = emptySlots<V>()
      for (let slot = 0; slot < 16; slot++) {
        const group = groups[slot]
        if (group !== undefined) children[slot] = await this.applyPaced(undefined, group, depth + 1, pacer)
      }
      return this.#settle(undefined, children, ALL_SLOTS, valueAt(entries, depth), changes[0]!.key, depth)
    }
    const children = node.children.slice()
    let changed = 0
    for (let slot = 0; slot < 16; slot++) {
      const group = groups[slot]
      if (group === undefined) continue
      children[slot] = await this.applyPaced(node.children[slot], group, depth + 1, pacer)
      changed |= 1 << slot
    }
    return this.#settle(node, children, changed, valueAfter(node.value, changes, depth), changes[0]!.key, depth)
  }

  #applyToLeaf(leaf: Leaf<V>, changes: readonly TrieChange<V>[], depth: number): TrieNode<V> | undefined {
    const entries = live(changes)
    if (!changes.some(({ key }) => key === leaf.key)) entries.push(leaf)
    return this.#build(entries, depth)
  }

  #applyToExtension(extension: Extension<V>, changes: readonly TrieChange<V>[]): TrieNode<V> | undefined {
    const { path, from, to, child } = extension
    let shared = to
    for (const { key } of changes) shared = divergence(path, key, from, Math.min(shared, 2 * key.length))
    if (shared === to) return this.#prepend(path, from, to, this.apply(child, changes, to))
    // Some key leaves the shared path: stand a branch in the extension's first place and go on from there.
    const children = emptySlots<V>()
    const rest = from + 1 === to ? child : this.#factory.extension(path, from + 1, to, child, extension.childRef)
    children[nibbleAt(path, from)] = rest
    return this.#applyToSlots(undefined, children, undefined, changes, path, from)
  }

  #applyToBranch(branch: Branch<V>, changes: readonly TrieChange<V>[], depth: number): TrieNode<V> | undefined {
    return this.#applyToSlots(branch, branch.children.slice(), branch.value, changes, changes[0]!.key, depth)
  }

  /** @param before  the branch that `children` are a copy of; undefined if they are all there is. */
  #applyToSlots(
    before: Branch<V> | undefined,
    children: (TrieNode<V> | undefined)[],
    value: V | undefined,
    changes: readonly TrieChange<V>[],
    path: Key,
    depth: number,
  ): TrieNode<V> | undefined {
    const only = changes.length === 1 ? changes[0]! : undefined
    let changed = 0
    if (only !== undefined && 2 * only.key.length > depth) {
      const slot = nibbleAt(only.key, depth)
      children[slot] = this.apply(children[slot], changes, depth + 1)
      return this.#settle(before, children, 1 << slot, value, path, depth)
    }
    const groups = partition(changes, depth)
    for (let slot = 0; slot < 16; slot++) {
      const group = groups[slot]
      if (group === undefined) continue
      children[slot] = this.apply(children[slot], group, depth + 1)
      changed |= 1 << slot
    }
    return this.#settle(before, children, changed, valueAfter(value, changes, depth), path, depth)
  }

  /** The node for these children: a branch, or what a branch with fewer than two entries collapses to. */
  #settle(
    before: Branch<V> | undefined,
    children: (TrieNode<V> | undefined)[],
    changed: number,
    value: V | undefined,
    path: Key,
    depth: number,
  ): TrieNode<V> | undefined {
    let taken = (before?.taken ?? 0) & ~changed
    for (let slot = 0; slot < 16; slot++) if (children[slot] !== undefined) taken |= 1 << slot
    const several = (taken & (taken - 1)) !== 0
    if (several || (taken !== 0 && value !== undefined)) {
      if (before === undefined) return this.#factory.branch(children, value, depth)
      return this.#factory.changedBranch(before, children, changed, taken, value, depth)
    }
    if (taken === 0) return value === undefined ? undefined : { kind: 'leaf', key: path.slice(0, depth >> 1), value }
    const last = 31 - Math.clz32(taken)
    const below = withNibble(path, depth, last)
    const child = children[last]
    return this.#prepend(below, depth, depth + 1, child)
  }

  /** `next`, which stands at `to`, moved up to `from` along `path`. */
  #prepend(path: Key, from: number, to: number, next: TrieNode<V> | undefined): TrieNode<V> | undefined {
    if (next === undefined || next.kind === 'leaf') return next
    if (next.kind === 'branch') return this.#factory.extension(path, from, to, next, this.#factory.ref(next, to))
    return this.#factory.extension(next.path, from, next.to, next.child, next.childRef)
  }

  #build(entries: readonly Entry<V>[], depth: number): TrieNode<V> | undefined {
    const first = entries[0]
    if (first === undefined) return undefined
    if (entries.length === 1) return { kind: 'leaf', key: first.key, value: first.value }
    const shared = sharedDepth(entries, depth)
    const groups = partition(entries, shared)
    const children = emptySlots<V>()
    for (let slot = 0; slot < 16; slot++) {
      const group = groups[slot]
      if (group !== undefined) children[slot] = this.#build(group, shared + 1)
    }
    const branch = this.#factory.branch(children, valueAt(entries, shared), shared)
    return shared === depth ? branch : this.#prepend(first.key, depth, shared, branch)
  }
}

const ALL_SLOTS = 0xffff

function emptySlots<V>(): (TrieNode<V> | undefined)[] {
  return new Array<TrieNode<V> | undefined>(16).fill(undefined)
}

/** First nibble from `depth` on that not all keys share. */
function sharedDepth(entries: readonly { readonly key: Key }[], depth: number): number {
  const first = entries[0]
  if (first === undefined) return depth
  let shared = 2 * first.key.length
  for (const { key } of entries) shared = divergence(first.key, key, depth, Math.min(shared, 2 * key.length))
  return shared
}

interface Entry<V> {
  readonly key: Key
  readonly value: V
}

function live<V>(changes: readonly TrieChange<V>[]): Entry<V>[] {
  return changes.filter((change): change is Entry<V> => change.value !== undefined)
}

/** Entries by their nibble at `depth`; those whose key ends there are in no group. */
function partition<E extends { readonly key: Key }>(entries: readonly E[], depth: number): (E[] | undefined)[] {
  const groups = new Array<E[] | undefined>(16).fill(undefined)
  for (const entry of entries) {
    if (2 * entry.key.length === depth) continue
    const slot = nibbleAt(entry.key, depth)
    const group = groups[slot]
    if (group === undefined) groups[slot] = [entry]
    else group.push(entry)
  }
  return groups
}

/** The value of the entry whose key ends at `depth`. */
function valueAt<V>(entries: readonly Entry<V>[], depth: number): V | undefined {
  return entries.find(({ key }) => 2 * key.length === depth)?.value
}

function valueAfter<V>(before: V | undefined, changes: readonly TrieChange<V>[], depth: number): V | undefined {
  const change = changes.find(({ key }) => 2 * key.length === depth)
  return change === undefined ? before : change.value
}
