import { hexData, items, members, plainText, quantity } from './answers.ts'
import { shortPeer } from './peers.ts'
import type { RpcClient } from './rpc-client.ts'

/** A block as it came to a node. */
export interface WatchedBlock {
  readonly number: number
  readonly hash: string
  readonly transactions: number
  /** As the node answers; null: it does not remember. */
  readonly propagation: unknown
}

/** Blocks told of at once: who looks away for long is not flooded. */
const MAX_AT_ONCE = 10

/** Follows a node's chain, block by block. */
export class BlockWatch {
  readonly #rpc: Pick<RpcClient, 'call'>
  #last: number | undefined

  constructor(rpc: Pick<RpcClient, 'call'>) {
    this.#rpc = rpc
  }

  /** Blocks since the last call, oldest first; at first the newest alone. */
  async next(): Promise<WatchedBlock[]> {
    const newest = Number(quantity(await this.#rpc.call('eth_blockNumber'), 'number'))
    const first = Math.max(this.#last === undefined ? newest : this.#last + 1, newest - MAX_AT_ONCE + 1)
    this.#last = newest
    const blocks: WatchedBlock[] = []
    for (let number = first; number <= newest; number++) {
      const answer = await this.#rpc.call('eth_getBlockByNumber', [`0x${number.toString(16)}`, false])
      // It may have left the chain just now.
      if (answer === null) continue
      const block = members(answer, 'block')
      const hash = hexData(block.hash, 'hash')
      const transactions = items(block.transactions, 'list of transactions').length
      blocks.push({ number, hash, transactions, propagation: await this.#rpc.call('idobata_propagation', [hash]) })
    }
    return blocks
  }
}

/** One line for people. */
export function describePropagation({ number, hash, transactions, propagation }: WatchedBlock): string {
  const start = `#${number} ${hash.slice(0, 10)}… ${transactions} txs`
  if (propagation === null) return `${start} · not by gossip`
  const { from, firstSeenMs, rebuiltAfterMs, validAfterMs, missing, arrivals } = members(propagation, 'propagation')
  const time = new Date(Number(firstSeenMs)).toISOString().slice(11, 23)
  if (from === null) return `${time} ${start} · made here${describeArrivals(arrivals)}`
  const lacking = Number(missing) > 0 ? ` (${Number(missing)} asked for)` : ''
  const whole = typeof rebuiltAfterMs === 'number' ? ` · whole after ${rebuiltAfterMs} ms${lacking}` : ''
  const valid = typeof validAfterMs === 'number' ? ` · valid after ${validAfterMs} ms` : ''
  return `${time} ${start} · from ${shortPeer(plainText(from, 'peer'))}${whole}${valid}${describeArrivals(arrivals)}`
}

/** How a block went through the whole network, as far as others have told; undefined: they have not. */
export function describeWave({ number }: WatchedBlock, propagation: unknown): string | undefined {
  const { wave } = members(propagation ?? {}, 'propagation')
  const { count, p50, p90 } = members(wave ?? {}, 'percentiles')
  if (count === undefined || count === 0) return undefined
  return `  #${number} seen by ${Number(count)} nodes, half within ${Number(p50)} ms of the first, nine of ten within ${Number(p90)} ms`
}

function describeArrivals(arrivals: unknown): string {
  const others = items(arrivals, 'list of arrivals').map((arrival) => {
    const { peer, afterMs } = members(arrival, 'arrival')
    return `${shortPeer(plainText(peer, 'peer'))} +${Number(afterMs)} ms`
  })
  return others.length === 0 ? '' : ` · again from ${others.join(', ')}`
}

/** The answer of `idobata_propagationStats` in one line. */
export function describeStats(stats: Readonly<Record<string, unknown>>): string {
  const blocks = members(stats.blocks, 'statistics')
  const line = (name: string, label: string) => {
    const { p50, p90, p99 } = members(blocks[name], 'percentiles')
    return `${label} ${Number(p50)}/${Number(p90)}/${Number(p99)} ms`
  }
  const { count } = members(blocks.valid, 'percentiles')
  const alone = `${Number(blocks.rebuiltAlone)} without a request`
  return `— ${Number(count)} blocks, p50/p90/p99: ${line('rebuilt', 'whole')}, ${line('valid', 'valid')}, ${line('others', 'from others')}; ${alone}`
}
