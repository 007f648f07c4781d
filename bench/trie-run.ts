import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMPT, type MerklePatriciaTrie } from '@ethereumjs/mpt'
import { MapDB } from '@ethereumjs/util'
import { keccak256, keccak256Key } from '../src/crypto/keccak.ts'
import { createPacer } from '../src/node/system.ts'
import { EMPTY_ACCOUNT, encodeAccount } from '../src/primitives/account.ts'
import { fromKey, type Key, toKey } from '../src/primitives/bytes.ts'
import { COIN } from '../src/primitives/limits.ts'
import { writeLeaf } from '../src/state/account-leaf.ts'
import { BRANCH } from '../src/state/account-nodes.ts'
import { AccountUpdate } from '../src/state/account-update.ts'
import { type AccountValue, encodeAccountValue } from '../src/state/account-value.ts'
import type { Handle } from '../src/state/arena.ts'
import { buildGenesisState, writeGenesisState } from '../src/state/genesis-state.ts'
import { State } from '../src/state/state.ts'
import { extensionPath } from '../src/state/trie-path.ts'
import { Database } from '../src/store/database.ts'
import { withNibble } from '../src/trie/node.ts'
import type { TrieRun } from './figures/trie.ts'
import { accountAddress, benchGenesis } from './support/network.ts'

/**
 * Changes accounts of a large state, others each round: in memory, beside @ethereumjs/mpt on the same state and with the
 * same changes, and then in a database. Every root is compared with the peer's. In a process of its own, for the memory.
 * Usage: node --expose-gc trie-run.ts ACCOUNTS CHANGES ROUNDS. Prints one JSON line.
 */
const [accounts, changesPerRound, rounds] = process.argv.slice(2).map(Number) as [number, number, number]
const NOBODY: ReadonlySet<number> = new Set()
/** As a node has it by default. */
const STATE_CACHE_BYTES = 96 * 1024 * 1024

interface Change {
  readonly key: Key
  /** As our trie takes it, and as the peer's does. */
  readonly value: AccountValue
  readonly encoded: Uint8Array
}

/** Keys are hashes, so accounts that follow one another lie all over the trie. */
const plan = Array.from({ length: rounds }, (_, round) =>
  Array.from({ length: changesPerRound }, (_, i): Change => {
    const index = (round * changesPerRound + i) % accounts
    const account = { ...EMPTY_ACCOUNT, nonce: BigInt(round + 1), balance: COIN * 1_000_000n - BigInt(index) }
    return {
      key: keccak256Key(accountAddress(index, NOBODY)),
      value: encodeAccountValue(account),
      encoded: encodeAccount(account),
    }
  }),
)

const state = await buildGenesisState(benchGenesis(accounts, NOBODY).accounts)
const { nodes } = state
const directory = mkdtempSync(join(tmpdir(), 'idobata-bench-trie-'))
const database = await Database.open(directory)
const genesisHash = new Uint8Array(32)
await writeGenesisState(database, state, genesisHash)
const inMemory = await measureInMemory(state.root)
const flushMs = await measureFlush()
await database.close()
rmSync(directory, { recursive: true })
console.log(JSON.stringify({ ...inMemory, flushMs } satisfies TrieRun))

/** Ours before the peer's nodes are there: millions of strings in the heap would slow everything that is done beside them. */
async function measureInMemory(genesisRoot: Handle): Promise<Omit<TrieRun, 'flushMs'>> {
  const ours: number[] = []
  const roots: Key[] = []
  let root = genesisRoot
  for (const changes of plan) {
    ours.push(
      await timeMs(async () => {
        const updated = await new AccountUpdate(nodes, changes).apply(root, { pause: () => undefined })
        root = updated.root
        roots.push(updated.rootHash)
      }),
    )
  }
  const peer = await peerOf(genesisRoot)
  const peers: number[] = []
  for (const [round, changes] of plan.entries()) {
    peers.push(
      await timeMs(async () => {
        for (const { key, encoded } of changes) await peer.put(fromKey(key), encoded)
      }),
    )
    assert.equal(roots[round], toKey(peer.root()), 'the two tries have different roots')
  }
  return { updateMs: median(ours), mptMs: median(peers) }
}

/** Given our nodes, as they are encoded: putting a million accounts into it one by one would take minutes. */
async function peerOf(root: Handle): Promise<MerklePatriciaTrie> {
  const encodings = new Map<string, string>()
  collectNodes(encodings, root, '', 0)
  const db = new MapDB<string, string | Uint8Array>(encodings)
  return createMPT({ db, root: fromKey(state.stateRoot) })
}

function collectNodes(encodings: Map<string, string>, node: Handle, path: Key, depth: number): void {
  const add = (encoded: Uint8Array) => encodings.set(hex(keccak256(encoded)), hex(encoded))
  const at = nodes.rlpAt(node)
  add(nodes.arena.bytes.slice(at, at + nodes.rlpLength(node)))
  if (nodes.kind(node) !== BRANCH) {
    collectNodes(
      encodings,
      nodes.childAt(node, 0),
      extensionPath(nodes, node, path, depth),
      depth + nodes.extensionLength(node),
    )
    return
  }
  for (let slot = 0; slot < 16; slot++) {
    if (((nodes.taken(node) >> slot) & 1) === 0) continue
    const below = withNibble(path, depth, slot)
    if (((nodes.leaves(node) >> slot) & 1) === 0) {
      collectNodes(encodings, nodes.childAt(node, nodes.childIndex(node, slot)), below, depth + 1)
      continue
    }
    const entry = nodes.entryAt(node, slot, depth)
    const leaf = new Uint8Array(256)
    const key = nodes.entryKey(entry, depth, below)
    add(leaf.slice(0, writeLeaf(leaf, 0, key, depth + 1, nodes.entryValue(entry, depth))))
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** Only the writing is measured: encoding the changed nodes and handing them to LevelDB in one batch, without a sync. */
async function measureFlush(): Promise<number> {
  const onDisk = State.open({ cacheBytes: STATE_CACHE_BYTES }, { database, pacer: createPacer() }, () => 0)
  let layer = onDisk.layer(genesisHash)!
  const times: number[] = []
  for (const [round, changes] of plan.entries()) {
    const keys = changes.map(({ key }) => key)
    await onDisk.read(layer, keys)
    const derived = await onDisk.derive(layer, changes)
    layer = onDisk.add(derived, new Uint8Array(32).fill(round + 1), round + 1)
    times.push(await timeMs(() => onDisk.flush(layer)))
  }
  return median(times)
}

/** Garbage made before is collected before, so that nobody pays for another's. */
async function timeMs(work: () => Promise<void>): Promise<number> {
  globalThis.gc?.()
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
