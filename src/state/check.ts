import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { DecodeError } from '../primitives/errors.ts'
import type { Database } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import { childRef, NodeFactory, pathKey, type TrieNode, withNibble } from '../trie/node.ts'
import { unpackLeaf } from '../trie/packed-leaves.ts'
import { type AccountValue, accountCodec, decodeAccountValue } from './account-value.ts'
import { decodeNodeRecord } from './node-record.ts'
import { storageRootOf } from './storage.ts'

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
  readonly #factory = new NodeFactory(accountCodec)
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
    const path = place.slice(1)
    const node = this.#decode(record, path, depth)
    if (node === undefined || this.#factory.ref(node, depth) !== ref) {
      this.#report(`the node at ${describePlace(place)} does not match its hash`)
      return
    }
    this.nodes++
    this.#enter(node, path, depth)
  }

  #decode(record: Uint8Array, path: Key, depth: number): TrieNode<AccountValue> | undefined {
    try {
      return decodeNodeRecord(this.#factory, record, path, depth)
    } catch (error) {
      if (error instanceof DecodeError) return undefined
      throw error
    }
  }

  #enter(node: TrieNode<AccountValue>, path: Key, depth: number): void {
    if (node.kind === 'leaf') this.#account(node.key, node.value)
    else if (node.kind === 'extension') this.expected.set(pathKey(node.path, node.to), node.childRef)
    else {
      for (let slot = 0; slot < 16; slot++) {
        if (((node.taken >> slot) & 1) === 0) continue
        const below = withNibble(path, depth, slot)
        const ref = childRef(node, slot)
        if (((node.leaves >> slot) & 1) === 0) {
          this.expected.set(pathKey(below, depth + 1), ref)
          continue
        }
        const leaf = unpackLeaf(node, slot, below, depth)
        const place = pathKey(below, depth + 1)
        if (pathKey(leaf.key, depth + 1) !== place || this.#factory.ref(leaf, depth + 1) !== ref) {
          this.#report(`the account at ${describePlace(place)} does not match its hash`)
        } else this.#account(leaf.key, leaf.value)
      }
    }
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
