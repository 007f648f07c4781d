import { type Key, keyAt } from '../primitives/bytes.ts'
import { divergence, EMPTY_ROOT, nibbleAt, withNibble } from '../trie/node.ts'
import type { Pacer } from '../trie/update.ts'
import { KEY_BYTES, KEY_NIBBLES, LEAF_BATCH, leafScratchAt, writeBytes, writeLeaf } from './account-leaf.ts'
import {
  type AccountNodes,
  BRANCH,
  BRANCH_PREFIX,
  bitCount,
  EXTENSION,
  listHeaderLength,
  packedKeyStart,
} from './account-nodes.ts'
import type { AccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import { inKeyOrder } from './key-order.ts'
import type { AccountChange } from './layer.ts'
import { extensionPath, pathKey } from './trie-path.ts'

/** A node the operation needs is not in memory: load what stands at (`path`, `depth`), then run it again. */
export class MissingNodeError extends Error {
  override readonly name = 'MissingNodeError'
  readonly path: Key
  constructor(path: Key, depth: number) {
    super(`trie node at depth ${depth} is not loaded`)
    this.path = path
  }
}

export interface UpdatedTrie {
  /** 0: the trie is empty. Retained for the caller. */
  readonly root: Handle
  /** 32 bytes in a Key. */
  readonly rootHash: Key
  /** Places (`pathKey`) at which a branch or extension stood before and none stands now. */
  readonly removed: readonly Key[]
}

/** What stands in a place: a node's handle, a leaf as -1 - its index among the update's leaves, or nothing. */
type Outcome = number
const NOTHING: Outcome = 0
const leafOutcome = (index: number): Outcome => -1 - index

type Indexes = Uint32Array | readonly number[]

/** Hashes between two looks at the clock, about half a millisecond. */
const PACED_HASHES = 512

/**
 * Applies changes (distinct keys) to a trie in memory. One descent makes the changed nodes, with holes where
 * the hashes of their changed children belong; then the hashes are filled in level by level, from the leaves up, many at a call.
 * The trie before stays whole. Nothing else may run between two steps of one update but at its pauses.
 *
 * Cost: some 3 µs a change at a million accounts, two thirds of it keccak.
 */
export class AccountUpdate {
  readonly #nodes: AccountNodes
  /** The changes, and then leaves that have to move. */
  readonly #keys: Key[]
  readonly #values: (AccountValue | undefined)[]
  /** What comes into each slot of the branch in hand, level by level: 16 a level. */
  readonly #outcomes = new Int32Array(16 * KEY_NIBBLES)
  /** By depth: address and length of a node's RLP, and where its hash belongs. */
  readonly #jobs: number[][] = Array.from({ length: KEY_NIBBLES }, () => [])
  readonly #removed: Key[] = []
  /** All nodes made. */
  readonly #made: Handle[] = []
  #queuedLeaves = 0

  constructor(nodes: AccountNodes, changes: readonly AccountChange[]) {
    this.#nodes = nodes
    this.#keys = changes.map(({ key }) => key)
    this.#values = changes.map(({ value }) => value)
  }

  /**
   * @param root  0: an empty trie. @throws MissingNodeError where a stub, or a leaf that was not checked, is in the
   *   way: of a changed key, or the only sibling left of a deleted one.
   */
  async apply(root: Handle, pacer: Pacer): Promise<UpdatedTrie> {
    let top: Handle = 0
    try {
      top = await this.#applyAndHash(root, pacer)
      if (top !== 0) this.#nodes.retain(top)
    } finally {
      // What is freed below may be anyone's the next moment: no hash may still be on its way there.
      this.#runLeaves()
      // Those that were given up on the way, and all of a failed update.
      for (const node of this.#made) {
        if (this.#nodes.arena.isUsed(node) && !this.#nodes.isHeld(node)) this.#nodes.free(node)
      }
    }
    return { root: top, rootHash: hashOfRoot(this.#nodes, top), removed: this.#removed }
  }

  async #applyAndHash(root: Handle, pacer: Pacer): Promise<Handle> {
    const outcome = await this.#applyToRoot(root, inKeyOrder(this.#keys), pacer)
    if (outcome <= 0) this.#removed.push(pathKey('', 0))
    const top = outcome < 0 ? this.#rootLeaf(-1 - outcome) : outcome
    this.#runLeaves()
    for (let depth = KEY_NIBBLES - 1; depth > 0; depth--) await this.#runJobs(this.#jobs[depth]!, pacer)
    return top
  }

  async #applyToRoot(root: Handle, order: Indexes, pacer: Pacer): Promise<Outcome> {
    const nodes = this.#nodes
    if (order.length === 0) return root
    if (root === 0) return this.#buildLive(order, 0, order.length, 0)
    const kind = nodes.kind(root)
    if (kind === EXTENSION) return this.#apply(root, order, 0, order.length, 0)
    if (kind === BRANCH) {
      // By sixteenths, so that others get their turn.
      let changed = 0
      for (let at = 0; at < order.length; ) {
        const end = this.#groupEnd(order, at, order.length, 0)
        const slot = nibbleAt(this.#keys[order[at]!]!, 0)
        this.#outcomes[slot] = this.#applyToSlot(root, slot, order, at, end, 0)
        changed |= 1 << slot
        at = end
        this.#runLeaves()
        await pacer.pause()
      }
      return this.#settle(root, changed, this.#keys[order[0]!]!, 0)
    }
    return this.#mergeLeaf(nodes.leafKey(root), () => nodes.leafValue(root), order, 0, order.length, 0)
  }

  /** Applies the changes `order[lo, hi)`, which all lead to `node`, a branch or extension at `depth`. */
  #apply(node: Handle, order: Indexes, lo: number, hi: number, depth: number): Outcome {
    const outcome =
      this.#nodes.kind(node) === BRANCH
        ? this.#applyToBranch(node, order, lo, hi, depth)
        : this.#applyToExtension(node, order, lo, hi, depth)
    if (outcome <= 0) this.#removed.push(pathKey(this.#keys[order[lo]!]!, depth))
    return outcome
  }

  #applyToBranch(node: Handle, order: Indexes, lo: number, hi: number, depth: number): Outcome {
    let changed = 0
    for (let at = lo; at < hi; ) {
      const end = this.#groupEnd(order, at, hi, depth)
      const slot = nibbleAt(this.#keys[order[at]!]!, depth)
      this.#outcomes[16 * depth + slot] = this.#applyToSlot(node, slot, order, at, end, depth)
      changed |= 1 << slot
      at = end
    }
    return this.#settle(node, changed, this.#keys[order[lo]!]!, depth)
  }

  #applyToSlot(node: Handle, slot: number, order: Indexes, lo: number, hi: number, depth: number): Outcome {
    const nodes = this.#nodes
    if (((nodes.taken(node) >> slot) & 1) === 0) return this.#buildLive(order, lo, hi, depth + 1)
    const key = this.#keys[order[lo]!]!
    if (((nodes.leaves(node) >> slot) & 1) === 0) {
      const child = nodes.childAt(node, nodes.childIndex(node, slot))
      if (child === 0) throw new MissingNodeError(key, depth + 1)
      return this.#apply(child, order, lo, hi, depth + 1)
    }
    if (((nodes.verified(node) >> slot) & 1) === 0) throw new MissingNodeError(key, depth + 1)
    const at = nodes.entryAt(node, slot, depth)
    if (hi - lo === 1 && nodes.entryHasKey(at, depth, key)) return this.#leafOrNothing(order[lo]!)
    return this.#mergeLeaf(nodes.entryKey(at, depth, key), () => nodes.entryValue(at, depth), order, lo, hi, depth + 1)
  }

  #leafOrNothing(index: number): Outcome {
    return this.#values[index] === undefined ? NOTHING : leafOutcome(index)
  }

  /** Changes that meet a leaf at `depth`. */
  #mergeLeaf(key: Key, value: () => AccountValue, order: Indexes, lo: number, hi: number, depth: number): Outcome {
    const entries: number[] = []
    let at = lo
    const takeWhile = (before: (other: Key) => boolean) => {
      for (; at < hi && before(this.#keys[order[at]!]!); at++) {
        if (this.#values[order[at]!] !== undefined) entries.push(order[at]!)
      }
    }
    takeWhile((other) => other < key)
    if (at === hi || this.#keys[order[at]!] !== key) entries.push(this.#addLeaf(key, value()))
    takeWhile(() => true)
    return this.#build(entries, 0, entries.length, depth)
  }

  #applyToExtension(node: Handle, order: Indexes, lo: number, hi: number, depth: number): Outcome {
    const nodes = this.#nodes
    const first = this.#keys[order[lo]!]!
    const path = extensionPath(nodes, node, first, depth)
    const to = depth + nodes.extensionLength(node)
    const child = nodes.childAt(node, 0)
    if (child === 0) throw new MissingNodeError(path, to)
    // What lies between two keys in order shares with the path what both of them do.
    const fork = Math.min(divergence(path, first, depth, to), divergence(path, this.#keys[order[hi - 1]!]!, depth, to))
    if (fork === to) return this.#prepend(path, depth, to, this.#apply(child, order, lo, hi, to))
    // Some key leaves the path: stand a branch there, with the rest of the extension in one of its slots.
    const own = nibbleAt(path, fork)
    const rest = fork + 1 === to ? child : this.#shortened(node, path, fork + 1, to, child)
    this.#outcomes[16 * fork + own] = rest
    let changed = 1 << own
    for (let at = lo; at < hi; ) {
      const end = this.#groupEnd(order, at, hi, fork)
      const slot = nibbleAt(this.#keys[order[at]!]!, fork)
      this.#outcomes[16 * fork + slot] =
        slot === own ? this.#apply(rest, order, at, end, fork + 1) : this.#buildLive(order, at, end, fork + 1)
      changed |= 1 << slot
      at = end
    }
    return this.#prepend(path, depth, fork, this.#settle(0, changed, path, fork))
  }

  /** The last part of an extension. */
  #shortened(extension: Handle, path: Key, from: number, to: number, child: Handle): Handle {
    const nodes = this.#nodes
    const made = this.#note(nodes.createExtension(path, from, to, child))
    const hashAt = nodes.childHashAt(extension)
    nodes.arena.bytes.copyWithin(nodes.childHashAt(made), hashAt, hashAt + KEY_BYTES)
    return made
  }

  /** `outcome`, which stands at `to`, moved up to `from` along `path`. */
  #prepend(path: Key, from: number, to: number, outcome: Outcome): Outcome {
    const nodes = this.#nodes
    if (outcome <= 0 || from === to) return outcome
    if (nodes.kind(outcome) === BRANCH) {
      const made = this.#note(nodes.createExtension(path, from, to, outcome))
      this.#hashNode(outcome, to, nodes.childHashAt(made))
      return made
    }
    this.#removed.push(pathKey(path, to))
    const end = to + nodes.extensionLength(outcome)
    const child = nodes.childAt(outcome, 0)
    const made = this.#shortened(outcome, extensionPath(nodes, outcome, path, to), from, end, child)
    // Where the other extension is new, its child's hash is not known yet either.
    if (child !== 0) this.#hashNode(child, end, nodes.childHashAt(made))
    return made
  }

  /** The node for a branch's slots: a branch, or what one with fewer than two entries collapses to. */
  #settle(before: Handle, changed: number, key: Key, depth: number): Outcome {
    const nodes = this.#nodes
    const takenBefore = before === 0 ? 0 : nodes.taken(before)
    const leavesBefore = before === 0 ? 0 : nodes.leaves(before)
    let taken = takenBefore & ~changed
    let leaves = leavesBefore & ~changed
    for (let mask = changed; mask !== 0; mask &= mask - 1) {
      const slot = 31 - Math.clz32(mask & -mask)
      const outcome = this.#outcomes[16 * depth + slot]!
      if (outcome !== NOTHING) taken |= 1 << slot
      if (outcome < 0) leaves |= 1 << slot
    }
    if ((taken & (taken - 1)) !== 0) {
      if (
        before !== 0 &&
        taken === takenBefore &&
        leaves === leavesBefore &&
        this.#lengthsStay(before, changed, depth)
      ) {
        return this.#patch(before, changed, depth)
      }
      return this.#assemble(before, changed, taken, leaves, depth)
    }
    if (taken === 0) return NOTHING
    const slot = 31 - Math.clz32(taken)
    const path = withNibble(key, depth, slot)
    if (((changed >> slot) & 1) === 1) return this.#prepend(path, depth, depth + 1, this.#outcomes[16 * depth + slot]!)
    if (((leaves >> slot) & 1) === 1) {
      if (((nodes.verified(before) >> slot) & 1) === 0) throw new MissingNodeError(path, depth + 1)
      const at = nodes.entryAt(before, slot, depth)
      return leafOutcome(this.#addLeaf(nodes.entryKey(at, depth, path), nodes.entryValue(at, depth)))
    }
    const child = nodes.childAt(before, nodes.childIndex(before, slot))
    if (child === 0) throw new MissingNodeError(path, depth + 1)
    return this.#prepend(path, depth, depth + 1, child)
  }

  /** Whether the leaves that change keep their length. */
  #lengthsStay(before: Handle, changed: number, depth: number): boolean {
    const nodes = this.#nodes
    for (let mask = changed & nodes.leaves(before); mask !== 0; mask &= mask - 1) {
      const slot = 31 - Math.clz32(mask & -mask)
      const length = KEY_BYTES - packedKeyStart(depth) + 2 + this.#leafValue(depth, slot).length
      if (nodes.entryLength(nodes.entryAt(before, slot, depth), depth) !== length) return false
    }
    return true
  }

  #leafValue(depth: number, slot: number): AccountValue {
    return this.#values[-1 - this.#outcomes[16 * depth + slot]!]!
  }

  /** The usual case: as before but for some hashes, values and children, each in its old place. */
  #patch(before: Handle, changed: number, depth: number): Handle {
    const nodes = this.#nodes
    const made = this.#note(nodes.copy(before))
    for (let mask = changed; mask !== 0; mask &= mask - 1) {
      const slot = 31 - Math.clz32(mask & -mask)
      const outcome = this.#outcomes[16 * depth + slot]!
      if (outcome > 0) nodes.setChildAt(made, nodes.childIndex(made, slot), outcome)
      else if (outcome < 0) this.#writeEntry(nodes.entryAt(made, slot, depth), depth, -1 - outcome)
      if (outcome !== NOTHING) this.#hashOutcome(outcome, made, slot, depth)
    }
    nodes.retainChildren(made)
    return made
  }

  #assemble(before: Handle, changed: number, taken: number, leaves: number, depth: number): Handle {
    const nodes = this.#nodes
    const count = bitCount(taken)
    const rlpLength = listHeaderLength(count) + 17 + 32 * count
    let length = BRANCH_PREFIX + rlpLength + 2
    for (let mask = leaves; mask !== 0; mask &= mask - 1) {
      const slot = 31 - Math.clz32(mask & -mask)
      length +=
        ((changed >> slot) & 1) === 1
          ? KEY_BYTES - packedKeyStart(depth) + 2 + this.#leafValue(depth, slot).length
          : nodes.entryLength(nodes.entryAt(before, slot, depth), depth)
    }
    const made = this.#note(nodes.create(BRANCH, bitCount(taken & ~leaves), length))
    nodes.setSlots(made, taken, leaves)
    const { bytes } = nodes.arena
    let at = nodes.writeBranchHeader(made, count, rlpLength)
    let entry = nodes.rlpAt(made) + rlpLength
    bytes[entry++] = leaves >> 8
    bytes[entry++] = leaves & 0xff
    let child = 0
    for (let slot = 0; slot < 16; slot++) {
      if (((taken >> slot) & 1) === 0) {
        bytes[at++] = 0x80
        continue
      }
      bytes[at] = 0xa0
      const isLeaf = ((leaves >> slot) & 1) === 1
      if (((changed >> slot) & 1) === 1) {
        const outcome = this.#outcomes[16 * depth + slot]!
        if (isLeaf) entry = this.#writeEntry(entry, depth, -1 - outcome)
        else nodes.setChildAt(made, child++, outcome)
        this.#hashOutcome(outcome, made, slot, depth)
      } else {
        const hashAt = nodes.hashAt(before, slot)
        bytes.copyWithin(at + 1, hashAt, hashAt + KEY_BYTES)
        if (isLeaf) {
          const from = nodes.entryAt(before, slot, depth)
          const entryLength = nodes.entryLength(from, depth)
          bytes.copyWithin(entry, from, from + entryLength)
          entry += entryLength
          if (((nodes.verified(before) >> slot) & 1) === 1) nodes.setVerified(made, slot)
        } else nodes.setChildAt(made, child++, nodes.childAt(before, nodes.childIndex(before, slot)))
      }
      at += 1 + KEY_BYTES
    }
    bytes[at] = 0x80
    nodes.retainChildren(made)
    return made
  }

  #note(made: Handle): Handle {
    this.#made.push(made)
    return made
  }

  /** Returns the address after it. */
  #writeEntry(at: number, depth: number, index: number): number {
    const { bytes } = this.#nodes.arena
    const value = this.#values[index]!
    const lengthAt = writeBytes(bytes, at, this.#keys[index]!, packedKeyStart(depth))
    bytes[lengthAt] = value.length >> 8
    bytes[lengthAt + 1] = value.length & 0xff
    return writeBytes(bytes, lengthAt + 2, value, 0)
  }

  #buildLive(order: Indexes, lo: number, hi: number, depth: number): Outcome {
    if (hi - lo === 1) return this.#leafOrNothing(order[lo]!)
    const live: number[] = []
    for (let at = lo; at < hi; at++) if (this.#values[order[at]!] !== undefined) live.push(order[at]!)
    return this.#build(live, 0, live.length, depth)
  }

  #build(order: Indexes, lo: number, hi: number, depth: number): Outcome {
    if (hi - lo <= 1) return lo === hi ? NOTHING : leafOutcome(order[lo]!)
    const first = this.#keys[order[lo]!]!
    const fork = divergence(first, this.#keys[order[hi - 1]!]!, depth, KEY_NIBBLES)
    let taken = 0
    let leaves = 0
    for (let at = lo; at < hi; ) {
      const end = this.#groupEnd(order, at, hi, fork)
      const slot = nibbleAt(this.#keys[order[at]!]!, fork)
      const outcome = this.#build(order, at, end, fork + 1)
      this.#outcomes[16 * fork + slot] = outcome
      taken |= 1 << slot
      if (outcome < 0) leaves |= 1 << slot
      at = end
    }
    return this.#prepend(first, depth, fork, this.#assemble(0, taken, taken, leaves, fork))
  }

  /** Where the keys that have the nibble of the first at `depth` end. */
  #groupEnd(order: Indexes, lo: number, hi: number, depth: number): number {
    const slot = nibbleAt(this.#keys[order[lo]!]!, depth)
    let end = lo + 1
    while (end < hi && nibbleAt(this.#keys[order[end]!]!, depth) === slot) end++
    return end
  }

  #addLeaf(key: Key, value: AccountValue): number {
    this.#keys.push(key)
    this.#values.push(value)
    return this.#keys.length - 1
  }

  /** Has the hash of what comes into a slot of a branch at `depth` written there. */
  #hashOutcome(outcome: Outcome, branch: Handle, slot: number, depth: number): void {
    const nodes = this.#nodes
    const hashAt = nodes.hashAt(branch, slot)
    if (outcome > 0) {
      this.#hashNode(outcome, depth + 1, hashAt)
      return
    }
    const index = -1 - outcome
    const { arena } = nodes
    const scratch = leafScratchAt(arena, this.#queuedLeaves)
    const length = writeLeaf(arena.bytes, scratch, this.#keys[index]!, depth + 1, this.#values[index]!)
    arena.hasher.add(scratch, length, hashAt)
    nodes.setVerified(branch, slot)
    if (++this.#queuedLeaves === LEAF_BATCH) this.#runLeaves()
  }

  #hashNode(node: Handle, depth: number, hashAt: number): void {
    // One that stood there before must not be evicted before its turn.
    this.#nodes.touch(node)
    this.#jobs[depth]!.push(this.#nodes.rlpAt(node), this.#nodes.rlpLength(node), hashAt)
  }

  #runLeaves(): void {
    this.#nodes.arena.hasher.run()
    this.#queuedLeaves = 0
  }

  async #runJobs(jobs: readonly number[], pacer: Pacer): Promise<void> {
    const { hasher } = this.#nodes.arena
    for (let at = 0; at < jobs.length; ) {
      const end = Math.min(jobs.length, at + 3 * PACED_HASHES)
      for (; at < end; at += 3) hasher.add(jobs[at]!, jobs[at + 1]!, jobs[at + 2]!)
      hasher.run()
      await pacer.pause()
    }
  }

  #rootLeaf(index: number): Handle {
    return this.#note(this.#nodes.createLeaf(this.#keys[index]!, this.#values[index]!))
  }
}

/** 32 bytes in a Key. Cost: one hash. */
export function hashOfRoot(nodes: AccountNodes, root: Handle): Key {
  if (root === 0) return EMPTY_ROOT
  const { arena } = nodes
  const scratch = leafScratchAt(arena, 0)
  if (nodes.kind(root) === BRANCH || nodes.kind(root) === EXTENSION) {
    arena.hasher.add(nodes.rlpAt(root), nodes.rlpLength(root), scratch)
  } else {
    const length = writeLeaf(arena.bytes, scratch, nodes.leafKey(root), 0, nodes.leafValue(root))
    arena.hasher.add(scratch, length, scratch)
  }
  arena.hasher.run()
  return keyAt(arena.bytes, scratch, scratch + KEY_BYTES)
}
