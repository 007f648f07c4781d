import { setTimeout as sleep } from 'node:timers/promises'
import type { NodeReport } from './node-report.ts'
import { callRpc } from './rpc-call.ts'
import { RpcProcess } from './rpc-process.ts'

/** A node of the bench network among others, in a process of its own (`peer-run.ts`). */
export class PeerProcess {
  readonly url: string
  /** Where others reach it over TCP. */
  readonly address: string
  readonly #process: RpcProcess

  static async start(accounts: number, role: 'miner' | 'peer', bootnodes: readonly string[] = []) {
    const process = await RpcProcess.start('peer-run.ts', [accounts, role, ...bootnodes])
    const { addresses } = await callRpc<{ addresses: string[] }>(process.url, 'admin_nodeInfo')
    return new PeerProcess(process, addresses.find((address) => /\/tcp\/\d+\/p2p/.test(address))!)
  }

  private constructor(process: RpcProcess, address: string) {
    this.#process = process
    this.url = process.url
    this.address = address
  }

  call<T>(method: string, ...params: readonly unknown[]): Promise<T> {
    return callRpc(this.url, method, ...params)
  }

  async pending(): Promise<number> {
    const { pending } = await this.call<{ pending: string }>('txpool_status')
    return Number(pending)
  }

  async height(): Promise<number> {
    return Number(await this.call<string>('eth_blockNumber'))
  }

  async peers(): Promise<number> {
    return Number(await this.call<string>('net_peerCount'))
  }

  report(): Promise<NodeReport> {
    return this.#process.report()
  }

  stop(): Promise<void> {
    return this.#process.stop()
  }
}

/** Milliseconds between two looks: each costs the node about half of one. */
const LOOK_MS = 50
/** Milliseconds until a bench gives up. */
const PATIENCE_MS = 120_000

/** The first answer that is wanted. @throws Error if there is none for long. */
export async function untilAnswer<T>(ask: () => Promise<T>, wanted: (answer: T) => boolean, what: string): Promise<T> {
  const startMs = performance.now()
  for (;;) {
    const answer = await ask()
    if (wanted(answer)) return answer
    if (performance.now() - startMs > PATIENCE_MS) throw new Error(`${what}: still ${String(answer)}`)
    await sleep(LOOK_MS)
  }
}
