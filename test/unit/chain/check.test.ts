import { rmSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Chain } from '../../../src/chain/chain.ts'
import { checkChain } from '../../../src/chain/check.ts'
import { checkRecent } from '../../../src/chain/check-recent.ts'
import { repairChain, resetState } from '../../../src/chain/repair.ts'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import { createEngine } from '../../../src/node/engine.ts'
import { createPacer, systemClock } from '../../../src/node/system.ts'
import { equalBytes, fromHex, toHex } from '../../../src/primitives/bytes.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { Database, type WriteBatch } from '../../../src/store/database.ts'
import { keys, rangeOf, type Table } from '../../../src/store/schema.ts'
import { type BlockTree, growBlockTree } from '../../chaos/block-tree.ts'
import { chaosGenesis, SENDERS, senderAddress, TINY_STATE } from '../../chaos/network.ts'
import { Random } from '../../chaos/random.ts'
import { recoverHere, temporaryDirectory } from '../../support/test-chain.ts'

/** Damage that no checksum shows: records that are whole, and wrong. */

const genesis = chaosGenesis()
const engine = createEngine({ dev: false }, genesis, {
  clock: systemClock,
  recoverSigner: () => undefined,
  onEvidence() {},
})
const pacer = createPacer()
const components = { engine, clock: systemClock, pacer, recover: recoverHere }

let tree: BlockTree
let directory: string
let database: Database
let addresses: readonly string[]

beforeAll(async () => {
  tree = await growBlockTree(new Random(11), 6)
  const recipients = tree.blocks.flatMap(({ transactions }) => transactions.map(({ to }) => toHex(to!)))
  addresses = [...new Set([...recipients, ...Array.from({ length: SENDERS }, (_, i) => toHex(senderAddress(i)))])]
})
afterAll(() => tree.reference.remove())
afterEach(async () => {
  await database.close()
  rmSync(directory, { recursive: true, force: true })
})

/** A database with all blocks, left as by a kill: the state on disk is some blocks behind. */
async function open(): Promise<void> {
  directory = temporaryDirectory()
  database = await Database.open(directory)
  const chain = await openChain()
  for (const block of tree.blocks) await chain.import(block)
}

function openChain(): Promise<Chain> {
  return Chain.open({ genesis, ...TINY_STATE }, { ...components, database })
}

async function write(change: (batch: WriteBatch) => void): Promise<void> {
  const batch = database.batch()
  change(batch)
  await batch.write({ sync: false })
}

async function check(): Promise<Record<string, string>> {
  const findings: Record<string, string> = {}
  await checkChain({
    database,
    engine,
    pacer,
    report: (part, what) => {
      findings[part] ??= what
    },
    onProgress() {},
  })
  return findings
}

async function first(table: Table, skip = 0): Promise<[Uint8Array, Uint8Array]> {
  const found: [Uint8Array, Uint8Array][] = []
  for await (const [key, value] of database.entries(rangeOf(table), { limit: skip + 1 })) {
    found.push([key.slice(), value.slice()])
  }
  return found.at(-1)!
}

/** The balances at the head, against the chain that never was damaged. */
async function expectRightBalances(chain: Chain): Promise<void> {
  const accountKeys = addresses.map((address) => keccak256Key(fromHex(address)))
  const { hash } = chain.head
  expect(await chain.accounts(accountKeys, hash)).toEqual(await tree.reference.chain.accounts(accountKeys, hash))
}

const DAMAGES: readonly (readonly [name: string, part: string, damage: () => Promise<void>])[] = [
  [
    'places of transactions that are another block’s',
    'indexes',
    async () => {
      const [[key], [, other]] = [await first('places'), await first('places', 1)]
      await write((batch) => batch.put(key, other))
    },
  ],
  [
    'places that are gone',
    'indexes',
    async () => {
      const [key] = await first('places', 3)
      await write((batch) => batch.delete(key))
    },
  ],
  [
    'a history node of other blocks',
    'indexes',
    async () => {
      const [, other] = await first('historyNode', 1)
      await write((batch) => batch.put(keys.historyNode(0, 4), other))
    },
  ],
  ['a hole in the canonical chain', 'canonical chain', () => write((batch) => batch.delete(keys.canonical(5)))],
  [
    'a head that is an older block',
    'canonical chain',
    async () => {
      const hash = database.get(keys.canonical(6))!
      await write((batch) => batch.put(keys.meta('head'), hash))
    },
  ],
  [
    'a body that is another block’s',
    'blocks',
    async () => {
      const other = database.get(keys.body(database.get(keys.canonical(8))!))!
      const hash = database.get(keys.canonical(9))!
      await write((batch) => batch.put(keys.body(hash), other))
    },
  ],
  [
    'a block in the middle that is gone',
    'canonical chain',
    async () => {
      const hash = database.get(keys.canonical(7))!
      await write((batch) => {
        batch.delete(keys.header(hash))
        batch.delete(keys.body(hash))
      })
    },
  ],
  [
    'receipts of another block',
    'blocks',
    async () => {
      const other = database.get(keys.execution(database.get(keys.canonical(0))!))!
      const hash = tree.blocks.find(({ transactions }) => transactions.length > 0)!.hash
      await write((batch) => batch.put(keys.execution(hash), other))
    },
  ],
  [
    'a trie node that belongs to nothing',
    'state',
    async () => {
      const [, node] = await first('trieNode')
      await write((batch) => batch.put(new Uint8Array([0x6e, 9, 1, 2, 3, 4, 0x50]), node))
    },
  ],
  [
    'a trie node that is gone',
    'state',
    async () => {
      const [key] = await first('trieNode', 2)
      await write((batch) => batch.delete(key))
    },
  ],
  [
    'a state marker of another block',
    'state',
    async () => {
      const hash = database.get(keys.canonical(2))!
      await write((batch) => batch.put(keys.meta('state'), encodeRlp([hash, new Uint8Array(32).fill(1)])))
    },
  ],
  ['journals that are gone', 'state', () => database.clear(rangeOf('journal'))],
  ['storage that is gone', 'state', () => database.clear(rangeOf('storage'))],
  ['code that is gone', 'state', () => database.clear(rangeOf('code'))],
  ['a record of no table', 'records', () => write((batch) => batch.put(new Uint8Array([1, 2, 3]), new Uint8Array(1)))],
]

describe('an intact database', () => {
  test('passes, also behind its head; repair leaves head and balances as they are', async () => {
    await open()
    expect(await check()).toEqual({})
    expect(checkRecent(database)).toBeUndefined()
    const headHash = database.get(keys.meta('head'))
    const repaired = await repairChain({ genesis, database, engine, pacer, onProgress() {} })
    expect(repaired).toMatchObject({ lostBlocks: 0, head: repaired.headBefore, dropped: new Map() })
    expect(database.get(keys.meta('head'))).toEqual(headHash)
    expect(await check()).toEqual({})
    await expectRightBalances(await openChain())
  })

  test('an empty one passes too', async () => {
    directory = temporaryDirectory()
    database = await Database.open(directory)
    expect(await check()).toEqual({})
    expect(checkRecent(database)).toBeUndefined()
  })
})

describe('damage is named, and repair leaves a chain that is right at its head and takes the lost blocks again', () => {
  test.each(DAMAGES)('%s', async (_, part, damage) => {
    await open()
    await damage()
    expect(await check()).toHaveProperty([part])

    await repairChain({ genesis, database, engine, pacer, onProgress() {} })
    await resetState(database, genesis)
    const chain = await openChain()
    await expectRightBalances(chain)
    expect(await check()).toEqual({})
    // What was dropped is unknown, not refused.
    for (const block of tree.blocks) await chain.import(block)
    expect(toHex(chain.head.hash)).toBe(toHex(tree.reference.chain.head.hash))
    await expectRightBalances(chain)
    await chain.close()
    expect(await check()).toEqual({})
  })
})

describe('a quick look after a kill', () => {
  const head = () => database.get(keys.meta('head'))!
  test.each<[name: string, damage: () => Promise<void>]>([
    ['the head', () => write((batch) => batch.delete(keys.meta('head')))],
    ['the head block', () => write((batch) => batch.delete(keys.header(head())))],
    ['the body of a late block', () => write((batch) => batch.delete(keys.body(head())))],
    ['its execution', () => write((batch) => batch.delete(keys.execution(head())))],
    [
      'the newest head record',
      async () => {
        const hash = database.get(keys.canonical(6))!
        await write((batch) => batch.put(keys.meta('head'), hash))
      },
    ],
    ['a late number', () => write((batch) => batch.delete(keys.canonical(5)))],
    ['the state marker', () => write((batch) => batch.delete(keys.meta('state')))],
    ['the journals', () => database.clear(rangeOf('journal'))],
  ])('misses %s', async (_, damage) => {
    await open()
    await damage()
    expect(checkRecent(database)).toBeDefined()
  })
})

describe('a start', () => {
  test.each(['version', 'genesis', 'genesisDigest', 'head'] as const)(
    'does not take a database without its %s record for an empty one',
    async (name) => {
      await open()
      await write((batch) => batch.delete(keys.meta(name)))
      await expect(openChain()).rejects.toThrow('damaged')
      expect(await check()).toHaveProperty(['canonical chain'])
      await repairChain({ genesis, database, engine, pacer, onProgress() {} })
      await resetState(database, genesis)
      const chain = await openChain()
      expect(equalBytes(chain.head.hash, tree.reference.chain.head.hash)).toBe(true)
      await expectRightBalances(chain)
    },
  )
})
