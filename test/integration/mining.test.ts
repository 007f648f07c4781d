import { afterEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../src/chain/chain.ts'
import { parseGenesis } from '../../src/chain/genesis.ts'
import { checkLedgerRules, checkTransactionStateless } from '../../src/chain/transaction-rules.ts'
import { createPoa } from '../../src/consensus/poa.ts'
import { Miner } from '../../src/miner/miner.ts'
import { systemClock } from '../../src/node/system.ts'
import { PoolJournal } from '../../src/pool/journal.ts'
import { createJournalStore } from '../../src/pool/journal-store.ts'
import { DEFAULT_POOL_OPTIONS } from '../../src/pool/limits.ts'
import { TransactionPool } from '../../src/pool/pool.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import type { RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { recoverTestSigner, testSigner } from '../support/block-signers.ts'
import { openTestChain, recoverHere, type TestChain } from '../support/test-chain.ts'
import { signedTransfer, TEST_CHAIN_ID, testKey } from '../support/transactions.ts'

const SENDERS = 4
const signer = testSigner(1)

async function sent(i: number, nonce: number): Promise<RecoveredTransaction> {
  const [recovered] = await recoverHere([signedTransfer({ nonce: BigInt(nonce), value: 1_000n }, testKey(i + 1))])
  return recovered as RecoveredTransaction
}

async function genesis() {
  const accounts = await Promise.all(Array.from({ length: SENDERS }, (_, i) => sent(i, 0)))
  return parseGenesis({
    config: {
      chainId: Number(TEST_CHAIN_ID),
      londonBlock: 0,
      idobata: { engine: 'poa', gasLimitTarget: 30_000_000, maxGasLimit: 30_000_000 },
    },
    gasLimit: '0x1c9c380',
    baseFeePerGas: '0x7',
    difficulty: '0x1',
    timestamp: '0x0',
    extraData: '0x',
    alloc: Object.fromEntries(accounts.map(({ sender }) => [toHex(sender), { balance: '0xde0b6b3a7640000' }])),
  })
}

interface Node {
  readonly testChain: TestChain
  readonly chain: Chain
  readonly pool: TransactionPool
  readonly miner: Miner
  readonly errors: unknown[]
}

const open: Node[] = []

/** Chain, pool and miner as a node puts them together, with the engine of `--dev`. */
async function startNode(directory?: string): Promise<Node> {
  const engine = createPoa(
    { signers: [signer.address], periodSec: 0, maxFutureSeconds: undefined },
    { clock: systemClock, recoverSigner: recoverTestSigner, signer },
  )
  const testChain = await openTestChain(
    { genesis: await genesis() },
    engine,
    directory === undefined ? {} : { directory },
  )
  const { chain, database } = testChain
  const errors: unknown[] = []
  const pool = new TransactionPool(DEFAULT_POOL_OPTIONS, {
    chain,
    clock: systemClock,
    journal: new PoolJournal({ store: createJournalStore(database) }),
    checkRules: (tx) => {
      checkTransactionStateless(tx, TEST_CHAIN_ID)
      checkLedgerRules(tx)
    },
    recover: recoverHere,
    pause: () => undefined,
    onError: (error) => errors.push(error),
  })
  await pool.start()
  const log = { info() {}, warn: (message: string) => errors.push(message) }
  const miner = new Miner(
    { coinbase: signer.address, sealsAtTimestamp: false },
    { chain, pool, engine, clock: systemClock, random: () => 0.5, log },
  )
  const node = { testChain, chain, pool, miner, errors }
  open.push(node)
  return node
}

/** Resolves once the chain has `number` blocks. */
function reached(chain: Chain, number: number): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (chain.head.header.number < number) return
      unsubscribe()
      resolve()
    }
    const unsubscribe = chain.subscribe(check)
    check()
  })
}

async function stop({ miner, pool }: Node): Promise<void> {
  await miner.stop()
  await pool.stop()
}

describe('chain, pool and miner together', () => {
  afterEach(async () => {
    for (const node of open.splice(0)) {
      await stop(node)
      await node.testChain.remove()
    }
  })

  it('bring what a client sends into a block as soon as it is pending', async () => {
    const node = await startNode()
    node.miner.start()
    const transactions = await Promise.all([sent(0, 0), sent(0, 1), sent(1, 0), sent(2, 1)])
    expect(await node.pool.addBatch(transactions, 'local')).toEqual(Array(4))
    await reached(node.chain, 1)
    await node.pool.settled()
    expect(node.pool.status()).toEqual({ pending: 0, queued: 1 })
    const accounts = await node.chain.accounts(
      transactions.map(({ senderKey }) => senderKey),
      node.chain.head.hash,
    )
    expect(accounts.map((account) => account?.nonce)).toEqual([2n, 2n, 1n, 0n])
    await node.pool.addBatch([await sent(2, 0)], 'local')
    await reached(node.chain, 2)
    await node.pool.settled()
    expect(node.pool.status()).toEqual({ pending: 0, queued: 0 })
    expect(node.errors).toEqual([])
  })

  it('mine empty blocks on demand', async () => {
    const { miner, chain } = await startNode()
    expect((await miner.mineOne()).header.number).toBe(1)
    expect((await miner.mineOne({ timestamp: 4_000_000_000 })).header.timestamp).toBe(4_000_000_000)
    expect((await miner.mineOne()).header.timestamp).toBe(4_000_000_001)
    expect(chain.head.header.gasUsed).toBe(0n)
  })

  it('have what was acknowledged after a restart', async () => {
    const node = await startNode()
    await node.miner.mineOne()
    const transactions = await Promise.all([sent(0, 0), sent(1, 0), sent(3, 5)])
    expect(await node.pool.addBatch(transactions, 'local')).toEqual(Array(3))
    await stop(node)
    await node.chain.close()
    await node.testChain.database.close()
    open.pop()
    const again = await startNode(node.testChain.directory)
    expect(again.pool.status()).toEqual({ pending: 2, queued: 1 })
    again.miner.start()
    await reached(again.chain, 2)
    await again.pool.settled()
    expect(again.pool.status()).toEqual({ pending: 0, queued: 1 })
    expect(again.errors).toEqual([])
  })
})
