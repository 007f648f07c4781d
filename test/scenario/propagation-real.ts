import { signTransaction } from '../../src/crypto/noble.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { percentiles } from '../../src/p2p/propagation.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { blockAt, within } from './linked-nodes.ts'
import { minedGenesis } from './mined-genesis.ts'
import { NodeProcesses, peersOf, type StartedNode } from './processes.ts'
import type { Finding, Scenario, ScenarioOptions } from './scenario.ts'

const FULL = { nodes: 20, blocks: 5, transactions: 1_000 }
const QUICK = { nodes: 4, blocks: 2, transactions: 100 }
/** Peers that each must have before anything is measured. */
const PEERS = 6
/** Seconds in which something must have happened. */
const PATIENCE = 60
const GWEI = 1_000_000_000n

interface Propagation {
  readonly firstSeenMs: number
  readonly rebuiltAfterMs?: number | null
  readonly missing?: number | null
}

/** The real figure beside that of the virtual clock: all nodes share this machine's cores, and the links have no latency. */
export const propagationReal: Scenario = {
  name: 'propagation-real',
  claim: 'how long blocks of 1,000 transactions take to reach 20 nodes as processes on this machine (no bar)',
  async run({ quick, log }: ScenarioOptions): Promise<readonly Finding[]> {
    const { nodes: count, blocks, transactions } = quick ? QUICK : FULL
    const processes = new NodeProcesses()
    try {
      const nodes = await start(processes, count)
      const [miner, ...others] = nodes as [StartedNode, ...StartedNode[]]
      await miner.rpc.call('miner_stop')
      await within(PATIENCE, async () => {
        const peers = await Promise.all(nodes.map(async (node) => (await peersOf(node)).length))
        return peers.every((each) => each >= Math.min(PEERS, count - 1)) ? true : undefined
      })
      const delaysMs: number[] = []
      let alone = 0
      let known = 0
      for (let round = 0; round < blocks; round++) {
        await send(nodes, transactions, round)
        const agreed = await within(PATIENCE, async () => {
          const pending = await Promise.all(nodes.map(({ rpc }) => rpc.call('txpool_status')))
          return pending.every((each) => Number((each as { pending: string }).pending) === transactions)
            ? true
            : undefined
        })
        if (agreed === undefined) log(`round ${round}: pools do not agree`)
        const hash = await mined(miner, nodes)
        const made = (await miner.rpc.call('idobata_propagation', [hash])) as Propagation
        for (const { rpc } of others) {
          const seen = (await rpc.call('idobata_propagation', [hash])) as Propagation | null
          if (typeof seen?.rebuiltAfterMs !== 'number') continue
          known++
          if (seen.missing === 0) alone++
          delaysMs.push(seen.firstSeenMs + seen.rebuiltAfterMs - made.firstSeenMs)
        }
        log(`block ${round + 1} of ${blocks}`)
      }
      const { p50, p90, p99 } = percentiles(delaysMs)
      const stats = (await others.at(-1)!.rpc.call('idobata_propagationStats')) as {
        readonly blocks: Readonly<Record<'rebuilt' | 'valid', Readonly<Record<'p50' | 'p90', number>>>>
      }
      return [
        {
          name: 'blocks × nodes that had them by gossip',
          value: `${known} of ${blocks * others.length}`,
          bar: 'some',
          pass: known > 0,
        },
        { name: 'announced to forwardable, p50 / p90 / p99, ms', value: `${p50} / ${p90} / ${p99}` },
        { name: 'rebuilt without a request, pools agreeing', value: `${((100 * alone) / known).toFixed(1)} %` },
        {
          name: 'first word to whole at one node, p50 / p90, ms',
          value: `${stats.blocks.rebuilt.p50} / ${stats.blocks.rebuilt.p90}`,
        },
        {
          name: 'first word to executed there, p50 / p90, ms',
          value: `${stats.blocks.valid.p50} / ${stats.blocks.valid.p90}`,
        },
      ]
    } finally {
      await processes.stop()
    }
  },
}

async function start(processes: NodeProcesses, count: number): Promise<readonly StartedNode[]> {
  const genesis = minedGenesis()
  const environment = { IDOBATA_HTTP_API: 'eth,idobata,txpool,miner', IDOBATA_HTTP_RATELIMIT_LOCAL: '0' }
  const first = await processes.start({ genesis, args: ['--mine'], environment })
  const bootnodes = [first.address]
  return [first, ...(await processes.startAll(count - 1, () => ({ genesis, bootnodes, environment })))]
}

/** Each development account sends its part, at a node of its own. */
async function send(nodes: readonly StartedNode[], transactions: number, round: number): Promise<void> {
  const accounts = devAccounts()
  const each = transactions / accounts.length
  const chainId = BigInt((await nodes[0]!.rpc.call('eth_chainId')) as string)
  for (const [i, { privateKey }] of accounts.entries()) {
    const { rpc } = nodes[i % nodes.length]!
    for (let nonce = round * each; nonce < (round + 1) * each; nonce++) {
      const { raw } = signTransaction(
        {
          type: 2,
          chainId,
          nonce: BigInt(nonce),
          maxPriorityFeePerGas: GWEI,
          maxFeePerGas: 100n * GWEI,
          gasLimit: 21_000n,
          to: accounts[(i + 1) % accounts.length]!.address,
          value: GWEI,
          data: new Uint8Array(0),
          accessList: [],
        },
        privateKey,
      )
      await rpc.call('eth_sendRawTransaction', [toHex(raw)])
    }
  }
}

/** Has the miner make a block, and waits until all have it; returns its hash. */
async function mined(miner: StartedNode, nodes: readonly StartedNode[]): Promise<string> {
  const before = Number((await blockAt(miner, 'latest'))!.number)
  await miner.rpc.call('miner_start', [1])
  await within(PATIENCE, async () => ((await blockAt(miner, before + 1)) === undefined ? undefined : true))
  await miner.rpc.call('miner_stop')
  const block = (await blockAt(miner, before + 1))!
  await within(PATIENCE, async () => {
    const held = await Promise.all(nodes.map((node) => blockAt(node, before + 1)))
    return held.every((each) => each?.hash === block.hash) ? true : undefined
  })
  return block.hash
}
