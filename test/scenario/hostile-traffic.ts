import { setTimeout } from 'node:timers/promises'
import { RpcClient } from '../../src/cli/rpc-client.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { monotonicMs } from '../../src/node/system.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import type { ScriptedPeer } from '../support/attacks/scripted-peer.ts'
import { Subscription } from '../support/subscription.ts'
import { signedTransfer } from '../support/transactions.ts'
import { HOSTILE_CHAIN_ID } from './hostile-genesis.ts'

const TRANSACTION_EVERY_MS = 250
const REQUEST_EVERY_MS = 100
/** What has not come by then is counted as having taken so long. */
const LOST_MS = 30_000

/** Milliseconds that each thing took on its way. */
export interface Waits {
  readonly transactions: number[]
  readonly blocks: number[]
  readonly requests: number[]
}

/**
 * Honest traffic through a node: transactions and blocks that its neighbour brings it, and questions of a peer. Timed where
 * they are asked for and where they are seen, both in this process.
 */
export class HonestTraffic {
  readonly waits: Waits = { transactions: [], blocks: [], requests: [] }
  readonly #subscriptions: Subscription[] = []
  readonly #sent = new Map<string, number>()
  readonly #mined = new Map<string, number>()
  readonly #abort = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #nonce = 0n

  /** @param friend  asks the victim. @param nonce  of the first transaction. */
  async start(neighbourUrl: string, victimUrl: string, friend: ScriptedPeer, nonce = 0n): Promise<void> {
    this.#nonce = nonce
    const hashOf = (item: unknown) => (item as { readonly hash: string }).hash
    const listen = async (url: string, name: string, hear: (item: unknown) => void) => {
      this.#subscriptions.push(await Subscription.open(url, name, hear))
    }
    await listen(neighbourUrl, 'newHeads', (item) => this.#mined.set(hashOf(item), monotonicMs()))
    await listen(victimUrl, 'newHeads', (item) => arrive(this.#mined, hashOf(item), this.waits.blocks))
    await listen(victimUrl, 'newPendingTransactions', (item) => {
      arrive(this.#sent, String(item), this.waits.transactions)
    })
    this.#running = Promise.all([this.#send(new RpcClient(neighbourUrl)), this.#ask(friend)])
  }

  /** Begins to count anew; what is under way is not lost from sight. */
  reset(): void {
    for (const list of Object.values(this.waits)) list.length = 0
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#running
    for (const subscription of this.#subscriptions) subscription.close()
    const now = monotonicMs()
    for (const sent of this.#sent.values()) if (now - sent > LOST_MS / 10) this.waits.transactions.push(LOST_MS)
  }

  async #send(rpc: RpcClient): Promise<void> {
    const { privateKey } = devAccounts()[0]!
    while (!this.#abort.signal.aborted) {
      const fields = { chainId: BigInt(HOSTILE_CHAIN_ID), nonce: this.#nonce++, maxFeePerGas: 10_000_000_000n }
      const { raw } = signedTransfer(fields, privateKey)
      const sent = monotonicMs()
      this.#sent.set(String(await rpc.call('eth_sendRawTransaction', [toHex(raw)])), sent)
      await setTimeout(TRANSACTION_EVERY_MS)
    }
  }

  async #ask(friend: ScriptedPeer): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const asked = monotonicMs()
      const answered = await friend.headers().then(
        () => true,
        () => false,
      )
      this.waits.requests.push(answered ? monotonicMs() - asked : LOST_MS)
      await setTimeout(REQUEST_EVERY_MS)
    }
  }
}

function arrive(begun: Map<string, number>, hash: string, waits: number[]): void {
  const since = begun.get(hash)
  if (since === undefined) return
  begun.delete(hash)
  waits.push(monotonicMs() - since)
}
