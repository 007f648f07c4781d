import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMPT, type MerklePatriciaTrie } from '@ethereumjs/mpt'
import { MapDB } from '@ethereumjs/util'
import { keccak256Key } from '../src/crypto/keccak.ts'
import { createPacer } from '../src/node/system.ts'
import { EMPTY_ACCOUNT, encodeAccount } from '../src/primitives/account.ts'
import { fromKey, type Key, toKey } from '../src/primitives/bytes.ts'
import { COIN } from '../src/primitives/limits.ts'
import { type AccountValue, accountCodec, encodeAccountValue } from '../src/state/account-value.ts'
import { buildGenesisState, writeGenesisState } from '../src/state/genesis-state.ts'
import { State } from '../src/state/state.ts'
import { Database } from '../src/store/database.ts'
import { NodeFactory, type TrieNode } from '../src/trie/node.ts'
import { updateTrie } from '../src/trie/update.ts'
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

const factory = new NodeFactory(accountCodec)
const state = buildGenesisState(factory, benchGenesis(accounts, NOBODY).accounts)
const directory = mkdtempSync(join(tmpdir(), 'idobata-bench-trie-'))
const database = await Database.open(directory)
const genesisHash = new Uint8Array(32)
await writeGenesisState(database, factory, state, genesisHash)
const inMemory = await measureInMemory(state.root as TrieNode<AccountValue>)
const flushMs = await measureFlush()
await database.close()
rmSync(directory, { recursive: true })
console.log(JSON.stringify({ ...inMemory, flushMs } satisfies TrieRun))

async function measureInMemory(genesisRoot: TrieNode<AccountValue>): Promise<Omit<TrieRun, 'flushMs'>> {
  const peer = await peerOf(genesisRoot)
  const ours: number[] = []
  const peers: number[] = []
  let root: TrieNode<AccountValue> | undefined = genesisRoot
  for (const changes of plan) {
    let rootHash: Key = ''
    ours.push(
      await timeMs(() => {
        root = updateTrie(factory, root, changes).root
        rootHash = factory.rootHash(root)
      }),
    )
    peers.push(
      await timeMs(async () => {
        for (const { key, encoded } of changes) await peer.put(fromKey(key), encoded)
      }),
    )
    assert.equal(rootHash, toKey(peer.root()), 'the two tries have different roots')
  }
  return { updateMs: median(ours), mptMs: median(peers) }
}

/** Given our nodes, as they are encoded: putting a million accounts into it one by one would take minutes. */
async function peerOf(root: TrieNode<AccountValue>): Promise<MerklePatriciaTrie> {
  const nodes = new Map<string, string>()
  collectNodes(nodes, root, 0)
  const db = new MapDB<string, string | Uint8Array>(nodes)
  return createMPT({ db, root: fromKey(factory.rootHash(root)) })
}

function collectNodes(nodes: Map<string, string>, node: TrieNode<AccountValue>, depth: number): void {
  // Account keys and values are so long that no node is ever embedded in its parent.
  nodes.set(hex(fromKey(factory.ref(node, depth))), hex(factory.encode(node, depth)))
  if (node.kind === 'extension') collectNodes(nodes, node.child!, node.to)
  if (node.kind === 'branch') for (const child of node.children) if (child) collectNodes(nodes, child, depth + 1)
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** Only the writing is measured: encoding the changed nodes and handing them to LevelDB in one batch, without a sync. */
async function measureFlush(): Promise<number> {
  const onDisk = State.open(
    { cacheBytes: STATE_CACHE_BYTES },
    { database, factory: new NodeFactory(accountCodec), pacer: createPacer() },
    () => 0,
  )
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
async function timeMs(work: () => void | Promise<void>): Promise<number> {
  globalThis.gc?.()
  const startMs = performance.now()
  await work()
  return performance.now() - startMs
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
