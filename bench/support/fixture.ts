import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Chain } from '../../src/chain/chain.ts'
import { nextBaseFee } from '../../src/chain/header-rules.ts'
import { hashHeader, transactionHash } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { listLength } from '../../src/node/block-file.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import { type Block, blockLength, decodeBlock, encodeBlock } from '../../src/primitives/block.ts'
import { EMPTY_OMMERS_HASH } from '../../src/primitives/header.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'
import type { RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { Database } from '../../src/store/database.ts'
import { accountAddress, benchEngine, benchGenesis, SIGNER_ADDRESS, signedTransfer } from './network.ts'

export interface FixtureShape {
  readonly accounts: number
  readonly blocks: number
  readonly transfers: number
}

/** A database at genesis, a file of blocks that go on from there, and a database that has them. Made once per machine and shape. */
export interface Fixture {
  readonly shape: FixtureShape
  /** To be copied (`copyDatabase`), not opened. */
  readonly genesisDirectory: string
  readonly chainDirectory: string
  readonly blocksFile: string
}

/** Bytes that say how long a list is. */
const MAX_LIST_HEADER_BYTES = 9
/** Changes whenever fixtures made before can no longer be used. */
const FIXTURE_VERSION = 4

export async function prepareFixture(shape: FixtureShape, log: (text: string) => void): Promise<Fixture> {
  const { accounts, blocks, transfers } = shape
  const directory = join(tmpdir(), `idobata-bench-${FIXTURE_VERSION}-${accounts}-${blocks}-${transfers}`)
  const fixture = {
    shape,
    genesisDirectory: join(directory, 'genesis'),
    chainDirectory: join(directory, 'chain'),
    blocksFile: join(directory, 'blocks.rlp'),
  }
  if (existsSync(directory)) return fixture
  log(`preparing ${accounts} accounts and ${blocks} blocks of ${transfers} transfers (once per machine)`)
  const making = `${directory}.making`
  rmSync(making, { recursive: true, force: true })
  mkdirSync(making, { recursive: true })
  await makeFixture(shape, making)
  renameSync(making, directory)
  return fixture
}

/**
 * A copy of a closed database. Its tables are linked, since LevelDB never writes them again: what is measured next would otherwise
 * wait for a disk that is still busy with hundreds of megabytes of copies. What a merge had begun when the database was closed is no table yet,
 * and later than the manifest's last word: a new table takes its name and its place.
 * @param to  a new directory.
 */
export function copyDatabase(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  const files = readdirSync(from)
  const changedMs = (name: string) => statSync(join(from, name)).mtimeMs
  const manifestMs = Math.max(...files.filter((name) => name.startsWith('MANIFEST-')).map(changedMs))
  for (const name of files) {
    const place = name.endsWith('.ldb') && changedMs(name) < manifestMs ? linkSync : copyFileSync
    place(join(from, name), join(to, name))
  }
}

/** The genesis that a fixture's database was made from; its accounts are not needed again. */
export function fixtureGenesis({ accounts }: FixtureShape) {
  return benchGenesis(accounts, new Set())
}

/** Each reads a block's bytes: decoding is part of what is measured, and holding the whole file is not. */
export function fixtureBlocks({ blocksFile }: Fixture): (() => Uint8Array)[] {
  const file = openSync(blocksFile, 'r')
  const read = (offset: number, length: number) => {
    const bytes = Buffer.alloc(length)
    return bytes.subarray(0, readSync(file, bytes, 0, length, offset))
  }
  const blocks: (() => Uint8Array)[] = []
  const end = fstatSync(file).size
  for (let at = 0; at < end; ) {
    const offset = at
    const length = listLength(read(offset, MAX_LIST_HEADER_BYTES), offset)
    blocks.push(() => read(offset, length))
    at += length
  }
  return blocks
}

export function decodeFixtureBlock(encoded: Uint8Array): Block {
  const decoded = decodeBlock(encoded)
  return { ...hashHeader(decoded.header), ...decoded }
}

async function makeFixture({ accounts, blocks, transfers }: FixtureShape, directory: string): Promise<void> {
  const random = xorshift(0x1d0ba7a)
  const pick = () => Math.floor(random() * accounts)
  const plan = Array.from({ length: blocks }, () => Array.from({ length: transfers }, () => [pick(), pick()] as const))
  const keyed = new Set(plan.flat().map(([from]) => from))
  const addresses = Array.from({ length: accounts }, (_, index) => accountAddress(index, keyed))
  const genesis = benchGenesis(accounts, keyed)
  const engine = benchEngine()
  const components = { engine, clock: systemClock, pacer: createPacer(), recover: async () => [] }
  const genesisDatabase = await Database.open(join(directory, 'genesis'))
  await (await Chain.open({ genesis }, { ...components, database: genesisDatabase })).close()
  await genesisDatabase.close()

  const database = await Database.open(join(directory, 'chain'))
  const known = new Map<Uint8Array, RecoveredTransaction>()
  const recover = async (transactions: readonly { raw: Uint8Array }[]) => transactions.map(({ raw }) => known.get(raw)!)
  const chain = await Chain.open({ genesis }, { ...components, database, recover })
  const nonces = new Map<number, bigint>()
  const file = openSync(join(directory, 'blocks.rlp'), 'w')
  for (const transfersOfBlock of plan) {
    const candidates = transfersOfBlock.map(([from, to]) => {
      const nonce = nonces.get(from) ?? 0n
      nonces.set(from, nonce + 1n)
      const recipient = addresses[to]!
      const sender = addresses[from]!
      const tx = signedTransfer(from, nonce, recipient)
      return {
        tx,
        hash: transactionHash(tx),
        sender,
        senderKey: keccak256Key(sender),
        recipientKey: keccak256Key(recipient),
      }
    })
    known.clear()
    for (const candidate of candidates) known.set(candidate.tx.raw, candidate)
    const block = await sealBlock(chain, engine, candidates)
    await chain.import(block)
    writeSync(file, encodeBlock(block))
  }
  closeSync(file)
  await chain.close()
  await database.close()
}

async function sealBlock(
  chain: Chain,
  engine: ReturnType<typeof benchEngine>,
  candidates: RecoveredTransaction[],
): Promise<Block> {
  const parent = chain.head
  const ancestry = chain.ancestry(parent.hash)!
  const timestamp = engine.earliestTimestamp(parent.header)
  let offered = false
  const { block } = await chain.build(
    {
      ...engine.prepare(parent.header, timestamp, ancestry),
      parentHash: parent.hash,
      ommersHash: EMPTY_OMMERS_HASH,
      miner: SIGNER_ADDRESS,
      stateRoot: new Uint8Array(32),
      transactionsRoot: new Uint8Array(32),
      receiptsRoot: new Uint8Array(32),
      logsBloom: EMPTY_BLOOM,
      number: parent.header.number + 1,
      gasLimit: parent.header.gasLimit,
      gasUsed: 0n,
      timestamp,
      baseFeePerGas: nextBaseFee(parent.header),
    },
    {
      next: () => {
        const batch = offered ? [] : candidates
        offered = true
        return batch
      },
      taken: () => {},
      refused: (_, reason) => {
        throw reason
      },
    },
  )
  const header = await engine.seal(block.header, parent.header, ancestry, new AbortController().signal)
  if (header === undefined) throw new Error('the bench signer could not seal')
  return { ...block, ...hashHeader(header), sizeBytes: blockLength(header, block.body) }
}

/** Seeded, so that every machine gets the same transfers. */
function xorshift(seed: number): () => number {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}
