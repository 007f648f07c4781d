import type { Engine } from '../consensus/engine.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { buildGenesisState, writeGenesisState } from '../state/genesis-state.ts'
import type { Database, WriteBatch } from '../store/database.ts'
import { keys, rangeOf, type Table, tableOf } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import { prepareGenesis } from './chain.ts'
import { ChainStore } from './chain-store.ts'
import type { Genesis } from './genesis.ts'
import { appendLeaf, historyLeaf, NO_PEAKS } from './history.ts'
import { inspectBlock } from './inspect.ts'
import { markRebuilding } from './state-keeper.ts'
import type { Head } from './types.ts'

export interface RepairComponents {
  readonly genesis: Genesis
  readonly database: Database
  readonly engine: Engine
  readonly pacer: Pacer
  readonly onProgress: (done: number) => void
}

export interface Repaired {
  /** Records of each table that could not be read. */
  readonly dropped: ReadonlyMap<Table | 'unknown', number>
  /** Blocks that are gone, on whatever branch. */
  readonly lostBlocks: number
  /** undefined: nobody knows any more. */
  readonly headBefore: number | undefined
  readonly head: number
}

/** Bytes gathered before they are written. */
const BATCH_BYTES = 16 * 1024 * 1024
/** Deletions gathered before they are written. */
const BATCH_DELETIONS = 10_000

/**
 * Makes a sound chain of what can still be read: the canonical one up to its last intact block, with its indexes made anew,
 * and side branches as far as they are intact. What is dropped is unknown afterwards, so that it can be imported again.
 * The state is left alone; see `Chain.open`. Not atomic: a run that was cut short leaves a database that a start refuses,
 * and another run finishes.
 * Cost: every record read once, two tries built for each block; 200 bytes a block in memory. @throws StoreError.
 */
export async function repairChain(components: RepairComponents): Promise<Repaired> {
  const { database, engine, pacer, onProgress } = components
  const store = new ChainStore(database)
  const dropped = await dropUnreadable(database, onProgress)
  const headBefore = headNumber(store)
  await restoreGenesis(components, store)
  const blocks = await soundBlocks(database, store, engine, pacer, onProgress)
  const chain = chooseChain(store, blocks)
  const lostBlocks = await dropOtherBlocks(database, blocks)
  await writeCanonical(components, store, chain)
  return { dropped, lostBlocks, headBefore, head: chain.length - 1 }
}

async function dropUnreadable(database: Database, onProgress: (done: number) => void) {
  const dropped = new Map<Table | 'unknown', number>()
  const deletions = new Deletions(database)
  let done = 0
  for await (const [key, value] of database.records()) {
    onProgress(++done)
    const table = tableOf(key)
    if (table !== undefined && value !== undefined) continue
    dropped.set(table ?? 'unknown', (dropped.get(table ?? 'unknown') ?? 0) + 1)
    await deletions.add(key)
  }
  await deletions.finish()
  return dropped
}

function headNumber(store: ChainStore): number | undefined {
  const hash = store.headHash()
  return hash && store.header(hash)?.header.number
}

/** What a database that holds a chain has; without any of it it is an empty one to `prepareGenesis`. */
const IDENTITY = ['version', 'genesis', 'genesisDigest', 'head'] as const

/** Writes the genesis block again if it is not whole. */
async function restoreGenesis(
  { database, genesis, engine, pacer }: RepairComponents,
  store: ChainStore,
): Promise<void> {
  const hash = database.get(keys.meta('genesis'))
  const block = hash && (await inspectBlock(store, hash, pacer))
  const complete = IDENTITY.every((name) => database.get(keys.meta(name)) !== undefined)
  if (block?.executed === undefined || !complete) {
    const batch = database.batch()
    for (const name of IDENTITY) batch.delete(keys.meta(name))
    await batch.write({ sync: true })
  }
  await prepareGenesis(genesis, { database, engine, pacer }, store)
}

/** Leaves the genesis state on disk, with the mark that has the next start go on from there to the head. @throws StoreError. */
export async function resetState(database: Database, genesis: Genesis): Promise<void> {
  await markRebuilding(database, true)
  const genesisHash = database.get(keys.meta('genesis'))!
  await writeGenesisState(database, await buildGenesisState(genesis.accounts), genesisHash)
}

interface SoundBlock {
  readonly head: Head
  readonly parent: SoundBlock | undefined
}

/** Executed blocks that are intact, and all of whose ancestors are, by hash; parents come before their children. */
async function soundBlocks(
  database: Database,
  store: ChainStore,
  engine: Pick<Engine, 'weight'>,
  pacer: Pacer,
  onProgress: (done: number) => void,
): Promise<Map<Key, SoundBlock>> {
  const intact: Head[] = []
  let done = 0
  for await (const [key] of database.records(rangeOf('header'))) {
    const { head, executed } = await inspectBlock(store, key.slice(1), pacer)
    if (head !== undefined && executed !== undefined) intact.push(head)
    onProgress(++done)
  }
  intact.sort((a, b) => a.header.number - b.header.number)
  const genesis = database.get(keys.meta('genesis'))!
  const sound = new Map<Key, SoundBlock>()
  for (const head of intact) {
    const { hash, header, totalDifficulty } = head
    const parent = sound.get(toKey(header.parentHash))
    const follows =
      parent === undefined
        ? equalBytes(hash, genesis)
        : parent.head.header.number === header.number - 1 &&
          parent.head.totalDifficulty + engine.weight(header) === totalDifficulty
    if (follows) sound.set(toKey(hash), { head, parent })
  }
  return sound
}

/**
 * The canonical chain up to its last sound block. Where only its index was lost the heaviest continuation is it. Fork
 * choice is not held anew: under proof of authority it could leave a final block.
 */
function chooseChain(store: ChainStore, blocks: ReadonlyMap<Key, SoundBlock>): SoundBlock[] {
  let last: SoundBlock | undefined
  for (let number = 0; ; number++) {
    const hash = store.canonicalHash(number)
    const block = hash && blocks.get(toKey(hash))
    if (block === undefined || (number > 0 && block.parent !== last)) break
    last = block
  }
  const continuing = new Set<SoundBlock | undefined>([last])
  let tip = last
  for (const block of blocks.values()) {
    if (!continuing.has(block.parent)) continue
    continuing.add(block)
    if (tip === undefined || block.head.totalDifficulty > tip.head.totalDifficulty) tip = block
  }
  const chain: SoundBlock[] = []
  for (let at = tip; at !== undefined; at = at.parent) chain.push(at)
  return chain.reverse()
}

/** @returns how many headers went. */
async function dropOtherBlocks(database: Database, blocks: ReadonlyMap<Key, SoundBlock>): Promise<number> {
  const deletions = new Deletions(database)
  let lost = 0
  for (const table of ['header', 'body', 'execution', 'journal'] as const) {
    for await (const [key] of database.records(rangeOf(table))) {
      if (blocks.has(toKey(key.subarray(-32)))) continue
      if (table === 'header') lost++
      await deletions.add(key)
    }
  }
  await deletions.finish()
  return lost
}

async function writeCanonical(
  { database, pacer, onProgress }: RepairComponents,
  store: ChainStore,
  chain: readonly SoundBlock[],
): Promise<void> {
  // Without a head no start takes the tables for whole: one that is cut short has to be done again.
  const opening = database.batch()
  for (const name of ['head', 'runs', 'placed'] as const) opening.delete(keys.meta(name))
  await opening.write({ sync: true })
  for (const table of ['canonical', 'historyNode', 'places', 'run'] as const) {
    await database.clear(rangeOf(table))
  }
  let batch: WriteBatch = database.batch()
  let peaks = NO_PEAKS
  for (const { head } of chain) {
    const grown = appendLeaf(peaks, historyLeaf(head.hash, head.header))
    peaks = grown.peaks
    store.putCanonical(batch, head, grown.newNodes)
    store.putPlaces(batch, store.executed(head.hash)!)
    await pacer.pause()
    if (batch.sizeBytes >= BATCH_BYTES) {
      await batch.write({ sync: false })
      batch = database.batch()
    }
    onProgress(head.header.number)
  }
  store.putHead(batch, chain.at(-1)!.head.hash)
  await batch.write({ sync: true })
  // One that is cut short from here on is finished by the next start.
  await store.openIndex(pacer)
  await store.placeIndex.stop()
}

class Deletions {
  readonly #database: Database
  #batch: WriteBatch
  #count = 0

  constructor(database: Database) {
    this.#database = database
    this.#batch = database.batch()
  }

  async add(key: Uint8Array): Promise<void> {
    this.#batch.delete(key)
    if (++this.#count % BATCH_DELETIONS === 0) await this.finish()
  }

  async finish(): Promise<void> {
    await this.#batch.write({ sync: true })
    this.#batch = this.#database.batch()
  }
}
