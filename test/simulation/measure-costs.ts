import { hashBlock, transactionHash } from '../../src/crypto/hashes.ts'
import { compactForm, describesBlock, matchTransactions } from '../../src/p2p/compact-matching.ts'
import { messageId } from '../../src/p2p/gossip-router.ts'
import { topicsOf } from '../../src/p2p/topics.ts'
import { decodeCompactBlock } from '../../src/p2p/wire/compact-block.ts'
import { decodeTransactionBundle, encodeTransactionList } from '../../src/p2p/wire/transactions.ts'
import { blockLength, encodeTransactions } from '../../src/primitives/block.ts'
import type { RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { GENESIS_TIMESTAMP } from '../support/header-chain.ts'
import { recoverHere } from '../support/test-chain.ts'
import type { Costs } from './costs.ts'
import { NodeChain } from './node-chain.ts'
import { createPool } from './pool.ts'
import { TrueChain } from './true-chain.ts'
import { VirtualClock } from './virtual-clock.ts'

/** Blocks that warm the compiler up, and blocks that count: the median of theirs. */
const WARM_UP = 5
const ROUNDS = 9
const SENDERS = 50
/** Transactions of a bundle. */
const BUNDLE = 500

const TOPIC = topicsOf('/idobata/00000000').tx
const NONCE = new Uint8Array(8)
const UNHURRIED = { beforeBody: async () => undefined, beforeExecution: async () => undefined }

type Sample = { -readonly [K in keyof Costs]: number }

/** Measures on this machine what a node does with blocks of so many transfers. Cost: about ten seconds. */
export async function measureCosts(transactions: number): Promise<Costs> {
  const clock = new VirtualClock(GENESIS_TIMESTAMP * 1000)
  const [maker, taker] = [await TrueChain.open(SENDERS, clock), await TrueChain.open(SENDERS, clock)]
  const samples: Sample[] = []
  for (let round = 0; round < WARM_UP + ROUNDS; round++) {
    await clock.runUntil(clock.nowMs() + 10_000)
    const each = transactions / SENDERS
    const made: RecoveredTransaction[] = []
    for (let i = 0; i < SENDERS; i++) made.push(...(await maker.transfers(i, each)))
    const sample = await measure(maker, taker, made, clock)
    if (round >= WARM_UP) samples.push(sample)
  }
  await Promise.all([maker.close(), taker.close()])
  const names = Object.keys(samples[0]!) as (keyof Costs)[]
  return Object.fromEntries(names.map((name) => [name, median(samples.map((sample) => sample[name]))])) as Sample
}

async function measure(
  maker: TrueChain,
  taker: TrueChain,
  made: readonly RecoveredTransaction[],
  clock: VirtualClock,
): Promise<Sample> {
  const bundle = made.slice(0, BUNDLE)
  const data = encodeTransactionList(bundle.map(({ tx }) => tx.raw))
  const readKib = (timed(() => messageId(TOPIC, data)).ms * 1024) / data.length
  const decoded = timed(() => decodeTransactionBundle(data).map((tx) => ({ tx, hash: transactionHash(tx) })))
  const recovered = await timedAsync(() => recoverHere(decoded.result.map(({ tx }) => tx)))
  const chain = new NodeChain(maker, UNHURRIED)
  const pool = createPool(chain, maker.chain.params.chainId, clock, recoverHere)
  const admitted = await timedAsync(() => pool.addBatch(bundle, 'remote'))
  await pool.addBatch(made.slice(BUNDLE), 'remote')

  const block = await maker.make(made, clock.nowMs())
  const announced = timed(() => compactForm(block, made, NONCE, () => false))
  const matched = timed(() => {
    const compact = decodeCompactBlock(announced.result)
    taker.chain.branch(block.header.parentHash)!.extend(compact)
    return { compact, found: matchTransactions(compact, pool.transactions()) }
  })
  const { compact, found } = matched.result
  const transactions = found.map((tx) => tx!)
  const checked = await timedAsync(async () => {
    const body = encodeTransactions(transactions)
    const whole = hashBlock({
      header: compact.header,
      transactions,
      body,
      sizeBytes: blockLength(compact.header, body),
    })
    await taker.chain.checkBody(whole)
    describesBlock(compact, transactions)
    return whole
  })
  taker.learn(made)
  const executed = await timedAsync(() => taker.chain.import(checked.result))
  return {
    readKib,
    transaction: (decoded.ms + admitted.ms) / BUNDLE,
    recovery: recovered.ms / BUNDLE,
    match: matched.ms,
    root: checked.ms,
    execution: executed.ms,
    announcement: announced.ms,
    answer: timed(() => encodeTransactions(transactions)).ms,
  }
}

function timed<T>(work: () => T): { readonly ms: number; readonly result: T } {
  const startMs = performance.now()
  const result = work()
  return { ms: performance.now() - startMs, result }
}

async function timedAsync<T>(work: () => Promise<T>): Promise<{ readonly ms: number; readonly result: T }> {
  const startMs = performance.now()
  const result = await work()
  return { ms: performance.now() - startMs, result }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!
}
