import { monitorEventLoopDelay } from 'node:perf_hooks'
import { nextBaseFee } from '../../src/chain/header-rules.ts'
import { checkLedgerRules } from '../../src/chain/transaction-rules.ts'
import type { Head } from '../../src/chain/types.ts'
import { withSender } from '../../src/crypto/sender.ts'
import { ledgerEvents } from '../../src/node/ledger-events.ts'
import { RecentBlocks } from '../../src/node/recent-blocks.ts'
import { createPacer, systemClock } from '../../src/node/system.ts'
import { PoolJournal } from '../../src/pool/journal.ts'
import { createJournalStore } from '../../src/pool/journal-store.ts'
import { DEFAULT_POOL_OPTIONS } from '../../src/pool/limits.ts'
import { TransactionPool } from '../../src/pool/pool.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { assembleTransaction, type Transaction } from '../../src/primitives/transaction.ts'
import { sealed } from '../support/block-maker.ts'
import { headerWith } from '../support/header-chain.ts'
import { londonEngine } from '../support/london-engine.ts'
import { openTestChain } from '../support/test-chain.ts'
import { account, testGenesis } from '../support/test-genesis.ts'
import { TEST_CHAIN_ID, transferFields } from '../support/transactions.ts'

/** What the run has seen, as one line of JSON. */
export interface DeepReorgReport {
  readonly left: number
  readonly joined: number
  /** MiB that the process took when both branches were there, and the most until all had followed. */
  readonly beforeMib: number
  readonly mostMib: number
  /** Milliseconds that the main thread was not free at most, and of its processor time in all, from the block that won. */
  readonly longestStallMs: number
  readonly reorgMs: number
  readonly cpuMs: number
  readonly faults: readonly string[]
}

const [depth, perBlock] = process.argv.slice(2).map(Number) as [number, number]
const SENDER = new Uint8Array(20).fill(0x5e)
const GAS_LIMIT = BigInt(perBlock) * 2n * 21_000n
const genesis = testGenesis({
  params: { gasLimitTarget: GAS_LIMIT },
  header: { gasLimit: GAS_LIMIT },
  accounts: [account(SENDER, { balance: 10n ** 30n })],
})
// What a signature says is not what is looked at here: one account sends everything.
const recover = async (transactions: readonly Transaction[]) => transactions.map((tx) => withSender(tx, SENDER))

const pacer = createPacer()
const ours = await openTestChain({ genesis }, londonEngine, { recover, pacer })
const theirs = await openTestChain({ genesis }, londonEngine, { recover })

const nonces = new Map<unknown, bigint>()
async function extend(on: typeof ours, seconds: number): Promise<Head> {
  const { chain } = on
  const parent = chain.head
  const first = nonces.get(on) ?? 0n
  nonces.set(on, first + BigInt(perBlock))
  const offered = [
    Array.from({ length: perBlock }, (_, i) => {
      const nonce = first + BigInt(i)
      const to = new Uint8Array(20).fill(seconds)
      new DataView(to.buffer).setBigUint64(4, nonce % 20_000n)
      const fields = transferFields({ chainId: TEST_CHAIN_ID, nonce, to, maxFeePerGas: 10n ** 12n })
      return withSender(assembleTransaction(fields, { r: nonce + 1n, s: BigInt(seconds), yParity: 0 }), SENDER)
    }),
  ]
  const timestamp = parent.header.timestamp + seconds
  const header = headerWith({
    parentHash: parent.hash,
    number: parent.header.number + 1,
    timestamp,
    miner: new Uint8Array(20).fill(0xaa),
    gasLimit: GAS_LIMIT,
    baseFeePerGas: nextBaseFee(parent.header),
    ...londonEngine.prepare(parent.header, timestamp, chain.ancestry(parent.hash)!),
  })
  const { block } = await chain.build(header, {
    next: () => offered.shift() ?? [],
    taken: () => undefined,
    refused: (_, reason) => {
      throw reason
    },
  })
  await chain.import(await sealed(chain, londonEngine, parent, block))
  return chain.head
}

const { chain, database } = ours
const faults: string[] = []
const recent = new RecentBlocks(undefined)
chain.subscribe((event) => {
  if (event.type === 'head') recent.apply(event)
})
const pool = new TransactionPool(DEFAULT_POOL_OPTIONS, {
  chain,
  clock: systemClock,
  pause: () => pacer.pause(),
  journal: new PoolJournal({ store: createJournalStore(database) }),
  checkRules: checkLedgerRules,
  recover,
  onError: (error) => faults.push(`pool: ${(error as Error).message}`),
})
await pool.start()
const told: string[] = []
let left = 0
let joined = 0
const unfollow = ledgerEvents({
  chain,
  pool,
  pacer,
  onError: (error) => faults.push(`events: ${(error as Error).message}`),
})((event) => {
  if (event.type !== 'head') return
  for (const { header } of event.disconnected) told.push(`-${toHex(header.hash)}`)
  for (const { header } of event.connected) told.push(`+${toHex(header.hash)}`)
})
chain.subscribe((event) => {
  if (event.type !== 'head') return
  left = Math.max(left, event.disconnected.length)
  joined = Math.max(joined, event.connected.length)
})

for (let i = 0; i < depth; i++) await extend(ours, 20)
// Less work a block on this branch: it wins with the last one only.
const branch: Uint8Array[] = []
while (theirs.chain.head.totalDifficulty <= chain.head.totalDifficulty) {
  branch.push((await extend(theirs, 12)).hash)
}
const old = Array.from({ length: depth }, (_, i) => toHex(chain.store.canonicalHash(depth - i)!))
for (const hash of branch.slice(0, -1)) await chain.import(theirs.chain.store.block(hash)!)
await pool.settled()
told.length = 0
const winner = theirs.chain.store.block(branch.at(-1)!)!
await theirs.chain.close()

const mib = () => process.memoryUsage.rss() / 2 ** 20
const beforeMib = mib()
let mostMib = beforeMib
const watch = setInterval(() => {
  mostMib = Math.max(mostMib, mib())
}, 20)
const delay = monitorEventLoopDelay({ resolution: 5 })
delay.enable()
const [start, cpu] = [performance.now(), process.cpuUsage()]
await chain.import(winner)
const reorgMs = performance.now() - start
await pool.settled()
const wanted = [...old.map((hash) => `-${hash}`), ...branch.map((hash) => `+${toHex(hash)}`)]
const deadline = performance.now() + 60_000
while (told.length < wanted.length && performance.now() < deadline)
  await new Promise((resolve) => setImmediate(resolve))
delay.disable()
clearInterval(watch)
const { user, system } = process.cpuUsage(cpu)
if (told.join() !== wanted.join()) faults.push('heads were not told in order')
unfollow()
await pool.stop()

const report: DeepReorgReport = {
  left,
  joined,
  beforeMib,
  mostMib,
  longestStallMs: delay.max / 1e6,
  reorgMs,
  cpuMs: (user + system) / 1_000,
  faults,
}
console.log(JSON.stringify(report))
await ours.remove()
await theirs.database.close()
