import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, type Key, keyAt, toKey } from '../primitives/bytes.ts'
import type { Database } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import { withNibble } from '../trie/node.ts'
import { KEY_BYTES, leafScratchAt, writeLeaf } from './account-leaf.ts'
import { AccountNodes, BRANCH, LEAF } from './account-nodes.ts'
import { readNodeRecord } from './account-records.ts'
import { hashOfRoot } from './account-update.ts'
import { type AccountValue, decodeAccountValue } from './account-value.ts'
import type { Handle } from './arena.ts'
import { storageRootOf } from './storage.ts'
import { extensionPath, pathKey } from './trie-path.ts'

/** What the state on disk holds. */
export interface StateTally {
  readonly accounts: number
  readonly nodes: number
}

/**
 * Reads the whole state on disk: every node must hash to what its parent refers to, every account must be there, and
 * nothing beside them.
 * @param report  told of each damage. @param onNode  called after each node.
 * Cost: one pass over the table, some 10 µs an account; in memory the references of one level of the trie.
 * @throws StoreError where LevelDB cannot read on.
 */
export async function checkState(
  database: Database,
  stateRoot: Uint8Array,
  report: (what: string) => void,
  onNode: () => void,
): Promise<StateTally> {
  const walk = new Walk(report)
  if (!equalBytes(stateRoot, EMPTY_TRIE_ROOT)) walk.expected.set(pathKey('', 0), toKey(stateRoot))
  // Keys sort by depth first, so that every parent comes before its children.
  for await (const [key, record] of database.entries(rangeOf('trieNode'))) {
    walk.visit(toKey(key.subarray(1)), record)
    onNode()
  }
  for (const place of walk.expected.keys()) report(`the node at ${describePlace(place)} is missing`)
  await checkExtras(database, walk.withExtras, report)
  return { accounts: walk.accounts, nodes: walk.nodes }
}

class Walk {
  /** References by place, of nodes that must still come. */
  readonly expected = new Map<Key, Key>()
  /** Accounts with storage or code, by key. */
  readonly withExtras = new Map<Key, AccountValue>()
  accounts = 0
  nodes = 0
  readonly #nodes = new AccountNodes()
  readonly #report: (what: string) => void

  constructor(report: (what: string) => void) {
    this.#report = report
  }

  visit(place: Key, record: Uint8Array): void {
    const ref = this.expected.get(place)
    if (ref === undefined) {
      this.#report(`a node at ${describePlace(place)} belongs to nothing`)
      return
    }
    this.expected.delete(place)
    const depth = place.charCodeAt(0)
    const node = readNodeRecord(this.#nodes, record, depth)
    if (node === 0 || hashOfRoot(this.#nodes, node) !== ref) {
      this.#report(`the node at ${describePlace(place)} does not match its hash`)
    } else {
      this.nodes++
      this.#enter(node, place.slice(1), depth)
    }
    if (node !== 0) this.#nodes.free(node)
  }

  #enter(node: Handle, path: Key, depth: number): void {
    const nodes = this.#nodes
    const kind = nodes.kind(node)
    if (kind === LEAF) this.#account(nodes.leafKey(node), nodes.leafValue(node))
    else if (kind === BRANCH) {
      for (let slot = 0; slot < 16; slot++)
        if (((nodes.taken(node) >> slot) & 1) === 1) this.#slot(node, slot, path, depth)
    } else {
      const to = depth + nodes.extensionLength(node)
      this.expected.set(pathKey(extensionPath(nodes, node, path, depth), to), this.#hashAt(nodes.childHashAt(node)))
    }
  }

  #slot(branch: Handle, slot: number, path: Key, depth: number): void {
    const nodes = this.#nodes
    const { arena } = nodes
    const below = withNibble(path, depth, slot)
    const place = pathKey(below, depth + 1)
    const ref = this.#hashAt(nodes.hashAt(branch, slot))
    if (((nodes.leaves(branch) >> slot) & 1) === 0) {
      this.expected.set(place, ref)
      return
    }
    const at = nodes.entryAt(branch, slot, depth)
    const key = nodes.entryKey(at, depth, below)
    const value = nodes.entryValue(at, depth)
    const scratch = leafScratchAt(arena, 0)
    arena.hasher.add(scratch, writeLeaf(arena.bytes, scratch, key, depth + 1, value), scratch)
    arena.hasher.run()
    if (!nodes.entryFitsSlot(at, slot, depth) || this.#hashAt(scratch) !== ref) {
      this.#report(`the account at ${describePlace(place)} does not match its hash`)
    } else this.#account(key, value)
  }

  #hashAt(address: number): Key {
    return keyAt(this.#nodes.arena.bytes, address, address + KEY_BYTES)
  }

  #account(key: Key, value: AccountValue): void {
    this.accounts++
    const { storageRoot, codeHash } = decodeAccountValue(value)
    if (!equalBytes(storageRoot, EMPTY_TRIE_ROOT) || !equalBytes(codeHash, EMPTY_CODE_HASH)) {
      this.withExtras.set(key, value)
    }
  }
}

/** Code and storage, which only a genesis gives. */
async function checkExtras(
  database: Database,
  accounts: ReadonlyMap<Key, AccountValue>,
  report: (what: string) => void,
): Promise<void> {
  for (const [key, value] of accounts) {
    const { storageRoot, codeHash } = decodeAccountValue(value)
    if (!equalBytes(codeHash, EMPTY_CODE_HASH) && database.get(keys.code(codeHash)) === undefined) {
      report('code of an account is missing')
    }
    if (toKey(storageRoot) !== (await storageRootOf(database, key)))
      report("an account's storage does not match its hash")
  }
  for await (const [key] of database.entries(rangeOf('storage'))) {
    if (!accounts.has(toKey(key.subarray(1, 33)))) report('storage belongs to no account')
  }
}

function describePlace(place: Key): string {
  const depth = place.charCodeAt(0)
  const nibbles = [...place.slice(1)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('')
  return depth === 0 ? 'the root' : `path ${nibbles.slice(0, depth)}`
}
