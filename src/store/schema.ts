import { concatBytes, type Key, uint64ToBytes, writeKey } from '../primitives/bytes.ts'

/**
 * The database layout: every key begins with one of these bytes. Numbers are 8 bytes big-endian, so that LevelDB's order
 * is theirs. All values but `trieNode`'s end in a CRC bound to their key (`database.ts`); trie nodes are checked against
 * the state root by hash, which is stronger.
 *
 * | prefix | key after it | value |
 * |---|---|---|
 * | `n` trieNode | depth, packed nibbles | see `state/node-record.ts` |
 * | `s` storage | keccak256(address), keccak256(slot) | slot value RLP (genesis accounts only) |
 * | `p` code | code hash | code (genesis accounts only) |
 * | `h` header | block hash | rlp([header, total difficulty]) |
 * | `b` body | block hash | rlp list of transactions |
 * | `e` execution | block hash | rlp([stored receipts, senders]): there exactly for blocks found valid |
 * | `j` journal | number, block hash | account changes, before and after; kept for recent blocks only |
 * | `c` canonical | number | block hash |
 * | `l` places | block hash | where its transactions are in it: see `chain/places.ts`; there for every canonical block that has some |
 * | `r` run | id (8), kind (1), page (4) | a part of the index over many blocks: see `chain/place-run.ts` |
 * | `m` historyNode | level, index | range node over canonical blocks |
 * | `o` pooled | record number | the pool's journal: see `pool/journal.ts` |
 * | `k` meta | name | see META |
 */
const PREFIX = {
  trieNode: 0x6e,
  storage: 0x73,
  code: 0x70,
  header: 0x68,
  body: 0x62,
  execution: 0x65,
  journal: 0x6a,
  canonical: 0x63,
  places: 0x6c,
  run: 0x72,
  historyNode: 0x6d,
  pooled: 0x6f,
  meta: 0x6b,
} as const

export type Table = keyof typeof PREFIX

const TABLES = new Map(Object.entries(PREFIX).map(([table, prefix]) => [prefix as number, table as Table]))

/** The table a key belongs to; undefined: it is none of ours. */
export function tableOf(key: Uint8Array): Table | undefined {
  return TABLES.get(key[0] ?? -1)
}

/** Names under `meta`. */
export const META = {
  /** Layout version, for upgrades. */
  version: 'version',
  /** The genesis block's hash. */
  genesis: 'genesis',
  /** Digest of the genesis file: tells an unchanged one without building its state again. */
  genesisDigest: 'genesisDigest',
  /** Digest of the rules that the genesis sets beside its block: the chain was judged by them. */
  rules: 'rules',
  /** Hash of the canonical head. */
  head: 'head',
  /** A light node's: what a restart begins with. */
  light: 'light',
  /** rlp([block hash, state root]): what the `trieNode` table is the state of. */
  state: 'state',
  /**
   * There while the state on disk is on its way from one block to another, by sixteenths: rlp([hash of the other block,
   * root]). Until then `trieNode` is the state of neither, and has this root.
   */
  flush: 'flush',
  /** rlp([next id, [ids of runs that may have left records], [id, level, first block, last block] of each run…]). */
  runs: 'runs',
  /** rlp([number]): canonical blocks up to it are in runs. */
  placed: 'placed',
  /** Where this node seals by signature: rlp([number of the highest block it has sealed]). */
  sealed: 'sealed',
  /** There once two conflicting final blocks were seen: rlp([headers of our side, headers of theirs]). */
  conflict: 'conflict',
  /** There while the state is being rebuilt from genesis, and so is not to be trusted. */
  rebuilding: 'rebuilding',
} as const

/** Values without a CRC of their own. */
export function isHashChecked(key: Uint8Array): boolean {
  return key[0] === PREFIX.trieNode
}

function prefixed(table: Table, ...parts: readonly Uint8Array[]): Uint8Array {
  return concatBytes(new Uint8Array([PREFIX[table]]), ...parts)
}

/** For keys made by the ten thousand: from a Key, in one allocation. */
function fromPath(table: Table, path: Key): Uint8Array {
  const key = new Uint8Array(path.length + 1)
  key[0] = PREFIX[table]
  writeKey(key, path, 1)
  return key
}

export const keys = {
  storage: (accountKey: Key, slotKey: Key) => fromPath('storage', accountKey + slotKey),
  code: (codeHash: Uint8Array) => prefixed('code', codeHash),
  header: (hash: Uint8Array) => prefixed('header', hash),
  body: (hash: Uint8Array) => prefixed('body', hash),
  execution: (hash: Uint8Array) => prefixed('execution', hash),
  journal: (number: number, hash: Uint8Array) => prefixed('journal', uint64ToBytes(number), hash),
  canonical: (number: number) => prefixed('canonical', uint64ToBytes(number)),
  places: (hash: Uint8Array) => prefixed('places', hash),
  run: (id: number, kind: number, page: number) => {
    const key = prefixed('run', uint64ToBytes(id), new Uint8Array(5))
    const view = new DataView(key.buffer)
    view.setUint8(9, kind)
    view.setUint32(10, page)
    return key
  },
  historyNode: (level: number, index: number) => prefixed('historyNode', new Uint8Array([level]), uint64ToBytes(index)),
  pooled: (record: number) => prefixed('pooled', uint64ToBytes(record)),
  meta: (name: keyof typeof META) => prefixed('meta', new TextEncoder().encode(META[name])),
} as const

/** Bytes that `writeTrieNodeKey` may need. */
export const MAX_TRIE_NODE_KEY_BYTES = 34

/**
 * Writes the key of the trie node at the first `depth` nibbles of `path` to `target`; returns its length. Unlike the
 * others it writes into a buffer of the caller's: there are tens of thousands, and LevelDB copies them anyway.
 */
export function writeTrieNodeKey(target: Uint8Array, offset: number, path: Key, depth: number): number {
  target[offset] = PREFIX.trieNode
  target[offset + 1] = depth
  const whole = depth >> 1
  for (let i = 0; i < whole; i++) target[offset + 2 + i] = path.charCodeAt(i)
  if ((depth & 1) === 0) return 2 + whole
  target[offset + 2 + whole] = path.charCodeAt(whole) & 0xf0
  return 3 + whole
}

/** Half-open key range. */
export interface KeyRange {
  readonly gte: Uint8Array
  readonly lt: Uint8Array
}

/** All keys of `table` that go on with `start`. */
export function rangeOf(table: Table, start: Uint8Array = new Uint8Array(0)): KeyRange {
  const gte = prefixed(table, start)
  const lt = gte.slice()
  for (let i = lt.length - 1; i >= 0; i--) {
    if (lt[i]! < 0xff) {
      lt[i] = lt[i]! + 1
      return { gte, lt: lt.slice(0, i + 1) }
    }
  }
  return { gte, lt }
}
