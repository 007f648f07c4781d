import { besidePeer, reported } from '../support/figure.ts'
import { nativeRecoveryRate } from '../support/native-recovery.ts'
import { PeerProcess, untilAnswer } from '../support/peer-process.ts'
import type { Plan } from '../support/session.ts'
import { rawTransfers, submit } from '../support/transfers.ts'
import type { FigureGroup } from './group.ts'

/**
 * Nodes in processes of their own over loopback. A node that holds transactions meets a second, which takes them into its pool;
 * then a third behind the second, and what passing transactions and blocks on costs that one in the middle.
 */
export const gossip: FigureGroup = {
  names: ['gossip', 'gossip-cpu-per-transaction', 'gossip-cpu-per-block'],
  async measure({ plan: { gossip: plan, loopMs }, judged, log }) {
    const { accounts, transactions, blockTransactions } = plan
    log(`${transactions} transactions from one node's pool into another's`)
    const nodes: PeerProcess[] = []
    const start = async (role: 'miner' | 'peer') => {
      const node = await PeerProcess.start(accounts, role)
      nodes.push(node)
      return node
    }
    try {
      const source = await start('miner')
      await source.call('miner_stop')
      await submit(source.url, rawTransfers(accounts, 0, transactions))
      const middle = await start('peer')
      const before = await nativeRecoveryRate(loopMs, 1)
      const perSecond = await timePool(source, middle, transactions)
      const after = await nativeRecoveryRate(loopMs, 1)
      await mineAll(source, middle)

      log(`through the node in the middle: blocks of ${blockTransactions} transactions`)
      const far = await start('peer')
      await middle.call('admin_addPeer', far.address)
      await untilSameHead(middle, far)
      const { perTransaction, perBlock } = await passOn(plan, source, middle, far)
      log(
        `CPU of the middle: ${perTransaction.toFixed(0)} µs a transaction, ${(perBlock / 1000).toFixed(1)} ms a block`,
      )
      const native = { name: 'native recovery, one core', value: (before + after) / 2 }
      return [
        besidePeer({ name: 'gossip', value: perSecond, unit: 'tx/s' }, native, 0.5, judged),
        reported({ name: 'gossip-cpu-per-transaction', value: perTransaction, unit: 'µs CPU' }),
        reported({ name: 'gossip-cpu-per-block', value: perBlock / 1000, unit: `ms CPU, ${blockTransactions} tx` }),
      ]
    } finally {
      await Promise.all(nodes.map((node) => node.stop()))
    }
  },
}

/** From the first transactions seen in its pool to the last. @returns a second. */
async function timePool(source: PeerProcess, target: PeerProcess, transactions: number): Promise<number> {
  await source.call('admin_addPeer', target.address)
  const first = await untilAnswer(
    () => target.pending(),
    (count) => count > 0,
    'transactions in the pool',
  )
  const startMs = performance.now()
  await untilAnswer(
    () => target.pending(),
    (count) => count === transactions,
    `${transactions} in the pool`,
  )
  return ((transactions - first) * 1000) / (performance.now() - startMs)
}

/** Has everything that waits put into blocks, and `target` follow. */
async function mineAll(source: PeerProcess, target: PeerProcess): Promise<void> {
  await source.call('miner_start')
  await untilAnswer(
    () => target.pending(),
    (count) => count === 0,
    'transactions to be mined',
  )
  await source.call('miner_stop')
  await untilSameHead(source, target)
}

async function untilSameHead(source: PeerProcess, target: PeerProcess): Promise<void> {
  const height = await source.height()
  await untilAnswer(
    () => target.height(),
    (reached) => reached === height,
    `block ${height}`,
  )
}

/** CPU of all of the middle node's threads in µs: for a transaction on its way through, and for a block with such. */
async function passOn(plan: Plan['gossip'], source: PeerProcess, middle: PeerProcess, far: PeerProcess) {
  const { accounts, transactions, blockTransactions, blocks } = plan
  let forTransactions = 0
  let forBlocks = 0
  for (let round = 0; round < blocks; round++) {
    const transfers = rawTransfers(accounts, transactions + round * blockTransactions, blockTransactions)
    await middle.report()
    await submit(source.url, transfers)
    await untilAnswer(
      () => far.pending(),
      (count) => count === blockTransactions,
      'transactions to be passed on',
    )
    forTransactions += (await middle.report()).cpuMicros
    await mineAll(source, far)
    forBlocks += (await middle.report()).cpuMicros
  }
  return { perTransaction: forTransactions / (blocks * blockTransactions), perBlock: forBlocks / blocks }
}
