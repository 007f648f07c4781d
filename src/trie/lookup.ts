import type { Key } from '../primitives/bytes.ts'
import {
  attachChild,
  type Branch,
  childRef,
  divergence,
  type Extension,
  nibbleAt,
  pathKey,
  type Root,
  type TrieNode,
} from './node.ts'

/** Something that holds a trie by its root: the one parent that is not a node. */
export interface RootHolder<V> {
  root: Root<V>
}

type Holder<V> = RootHolder<V> | Extension<V> | Branch<V>

/** A place where a descent met a stub. */
export class StubSite<V> {
  /** What the missing node's reference must be. */
  readonly ref: Key
  /** The key looked for; its first `depth` nibbles lead here. */
  readonly key: Key
  readonly depth: number
  readonly #holder: Holder<V>

  constructor(holder: Holder<V>, ref: Key, key: Key, depth: number) {
    this.#holder = holder
    this.ref = ref
    this.key = key
    this.depth = depth
  }

  /** Distinct for distinct places. */
  get path(): Key {
    return pathKey(this.key, this.depth)
  }

  /** The branch that has the missing leaf packed; undefined where a node is missing that has a record of its own. */
  get packedIn(): Branch<V> | undefined {
    const holder = this.#holder
    if ('root' in holder || holder.kind !== 'branch') return undefined
    return ((holder.leaves >> this.slot) & 1) === 1 ? holder : undefined
  }

  /** The slot of the parent branch. */
  get slot(): number {
    return nibbleAt(this.key, this.depth - 1)
  }

  /** Puts the node where its stub is. Its reference is `ref`: the caller has checked it. */
  attach(node: TrieNode<V>): void {
    const holder = this.#holder
    if ('root' in holder) holder.root = node
    else if (holder.kind === 'branch') attachChild(holder, this.slot, node)
    else if (node.kind === 'branch') holder.child = node
  }

  /** Goes on with the descent from the node that belongs here, for this site's key or another one through it. */
  resume(node: TrieNode<V>, key: Key, generation: number): V | undefined | StubSite<V> {
    return descend(this.#holder, node, key, this.depth, generation)
  }
}

/**
 * Looks `key` up from memory alone.
 * @returns the value; undefined when the trie proves that there is none; a StubSite when that cannot be told
 * before a node has been loaded. Cost: one step a level, no hashing.
 */
export function lookup<V>(holder: RootHolder<V>, key: Key, generation: number): V | undefined | StubSite<V> {
  const { root } = holder
  if (root === undefined) return undefined
  if (typeof root === 'string') return new StubSite(holder, root, key, 0)
  return descend(holder, root, key, 0, generation)
}

function descend<V>(
  holder: Holder<V>,
  from: TrieNode<V>,
  key: Key,
  startDepth: number,
  generation: number,
): V | undefined | StubSite<V> {
  let parent = holder
  let node = from
  let depth = startDepth
  for (;;) {
    if (node.kind === 'leaf') return node.key === key ? node.value : undefined
    node.usedAt = generation
    parent = node
    if (node.kind === 'branch') {
      if (2 * key.length === depth) return node.value
      const slot = nibbleAt(key, depth)
      if (((node.taken >> slot) & 1) === 0) return undefined
      depth++
      const child = node.children[slot]
      if (child === undefined) return new StubSite(parent, childRef(node, slot), key, depth)
      node = child
    } else {
      const end = Math.min(node.to, 2 * key.length)
      if (end < node.to || divergence(key, node.path, node.from, end) < end) return undefined
      depth = node.to
      if (node.child === undefined) return new StubSite(parent, node.childRef, key, depth)
      node = node.child
    }
  }
}
