import { join } from 'node:path'
import type { ChainStore } from '../../src/chain/chain-store.ts'
import { transactionHash } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { openLedger } from '../../src/node/ledger.ts'
import { silentLogger } from '../../src/node/logger.ts'
import { systemClock } from '../../src/node/system.ts'
import { equalBytes, toHex } from '../../src/primitives/bytes.ts'
import { openTestChain } from '../support/test-chain.ts'
import { signedTransfer } from '../support/transactions.ts'
import { chaosGenesis, SENDERS, senderAddress, senderKey } from './network.ts'
import type { Random } from './random.ts'
import { drawKillPlan, Victim } from './victim.ts'

/** Answers after which a kill may come. */
const MAX_ANSWERS = 40
/** Transactions submitted at a time. */
const TOGETHER = 8

/** Kills a mining node to which transactions are submitted, and asks the next one for all that was acknowledged. */
export class NodeChaos {
  readonly datadir: string
  readonly #random: Random
  readonly #transactions = new Set<string>()
  readonly #blocks = new Set<string>()
  kills = 0

  constructor(directory: string, random: Random) {
    this.datadir = join(directory, 'node')
    this.#random = random
  }

  get acknowledged(): { readonly transactions: number; readonly blocks: number } {
    return { transactions: this.#transactions.size, blocks: this.#blocks.size }
  }

  /** One process, from its start to its kill. @throws Error if anything acknowledged is lost. */
  async round(): Promise<void> {
    let talk: Promise<void> | undefined
    const victim = new Victim('node.ts', [this.datadir], drawKillPlan(this.#random, MAX_ANSWERS), ([, url]) => {
      talk = this.#talk(url!, victim)
      // Awaited below; until then a failure is not an unhandled one.
      talk.catch(() => victim.stop())
    })
    await victim.ended()
    await talk
    if (victim.killed) this.kills++
  }

  async #talk(url: string, victim: Victim): Promise<void> {
    try {
      await this.#askForAcknowledged(url)
      await this.#submit(url, victim)
    } catch (error) {
      // The connection ends with the process.
      if (!(error instanceof TypeError)) throw error
    }
  }

  async #askForAcknowledged(url: string): Promise<void> {
    for (const [method, hashes] of [
      ['eth_getTransactionByHash', this.#transactions],
      ['eth_getBlockByHash', this.#blocks],
    ] as const) {
      for (const hash of hashes) {
        const found = await call(url, method, method === 'eth_getBlockByHash' ? [hash, false] : [hash])
        if (found === null) throw new Error(`${method} knows nothing of ${hash}, which was acknowledged`)
      }
    }
  }

  async #submit(url: string, victim: Victim): Promise<void> {
    for (;;) {
      await Promise.all(Array.from({ length: TOGETHER }, () => this.#submitOne(url, victim)))
      const { hash } = (await call(url, 'eth_getBlockByNumber', ['latest', false])) as { hash: string }
      this.#blocks.add(hash)
      victim.count()
    }
  }

  async #submitOne(url: string, victim: Victim): Promise<void> {
    const from = this.#random.integer(0, SENDERS - 1)
    const pending = await call(url, 'eth_getTransactionCount', [toHex(senderAddress(from)), 'pending'])
    const to = new Uint8Array(20).map(() => this.#random.integer(16, 255))
    const fields = { nonce: BigInt(pending as string), to, maxFeePerGas: 100_000_000_000n }
    const tx = signedTransfer(fields, senderKey(from))
    const result = await call(url, 'eth_sendRawTransaction', [toHex(tx.raw)])
    // Refused: another one has taken the nonce meanwhile.
    if (result === undefined) return
    this.#transactions.add(toHex(transactionHash(tx)))
    victim.count()
  }

  /** The blocks it has made, imported by a chain that never crashed, lead to the same head and the same balances. */
  async compareWithReference(): Promise<number> {
    const options = { datadir: this.datadir, genesis: chaosGenesis(), dev: false }
    const ledger = await openLedger(options, { clock: systemClock, logger: silentLogger })
    const reference = await openTestChain({ genesis: chaosGenesis() }, ledger.engine)
    try {
      const { chain } = ledger
      const store: ChainStore = chain.store
      const { number } = chain.head.header
      for (let at = 1; at <= number; at++) await reference.chain.import(store.block(store.canonicalHash(at)!)!)
      if (!equalBytes(reference.chain.head.hash, chain.head.hash)) throw new Error('the reference has another head')
      const keys = Array.from({ length: SENDERS }, (_, i) => keccak256Key(senderAddress(i)))
      const [here, there] = await Promise.all(
        [chain, reference.chain].map(async (side) =>
          (await side.accounts(keys, chain.head.hash)).map((account) => `${account?.nonce}:${account?.balance}`),
        ),
      )
      if (here!.join() !== there!.join()) throw new Error(`wrong balances: ${here}, expected ${there}`)
      return number
    } finally {
      await reference.remove()
      await ledger.close()
    }
  }
}

/** @returns the result; undefined if the node refuses. @throws TypeError if it cannot be reached. */
async function call(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return ((await response.json()) as { result?: unknown }).result
}
