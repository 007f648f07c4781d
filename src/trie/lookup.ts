import type { Key } from '../primitives/bytes.ts'
import { type Branch, type Child, divergence, type Extension, nibbleAt, pathKey, type TrieNode } from './node.ts'

/** Something that holds a trie by its root: the one parent that is not a node. */
export interface RootHolder<V> {
  root: Child<V>
}

type Holder<V> = RootHolder<V> | Extension<V> | Branch<V>

/** A place where a descent met a stub. */
export class StubSite<V> {
  /** Hash that the missing node must have. */
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

  /** Puts the node where its stub is. `node.ref` equals `ref`: the caller has checked it. */
  attach(node: TrieNode<V>): void {
    const holder = this.#holder
    if ('root' in holder) holder.root = node
    else if (holder.kind === 'branch') {
      const slot = nibbleAt(this.key, this.depth - 1)
      // An eviction or an earlier attachment may have been here since; only ever replace what is the same node.
      if (holder.children[slot] === this.ref) holder.children[slot] = node
    } else if (node.kind === 'branch') holder.child = node
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
  return descend(holder, holder.root, key, 0, generation)
}

function descend<V>(
  holder: Holder<V>,
  from: Child<V>,
  key: Key,
  startDepth: number,
  generation: number,
): V | undefined | StubSite<V> {
  let parent = holder
  let child = from
  let depth = startDepth
  for (;;) {
    if (child === undefined) return undefined
    if (typeof child === 'string') return new StubSite(parent, child, key, depth)
    if (child.kind === 'leaf') return child.key === key ? child.value : undefined
    child.usedAt = generation
    parent = child
    if (child.kind === 'branch') {
      if (2 * key.length === depth) return child.value
      child = child.children[nibbleAt(key, depth)]
      depth++
    } else {
      const end = Math.min(child.to, 2 * key.length)
      if (end < child.to || divergence(key, child.path, child.from, end) < end) return undefined
      depth = child.to
      child = child.child
    }
  }
}
