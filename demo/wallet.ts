import type { RpcClient } from '../src/cli/rpc-client.ts'
import { signTransaction } from '../src/crypto/noble.ts'
import { devAccounts } from '../src/node/dev.ts'
import { toHex } from '../src/primitives/bytes.ts'

const GWEI = 1_000_000_000n
/** Transactions handed in at a time. */
const BURST = 5

/** Sends one of the development accounts' coins to others, a few transfers at a time. */
export class DemoWallet {
  readonly #rpc: Pick<RpcClient, 'call'>
  #chainId: bigint | undefined
  #nonce = 0

  constructor(rpc: Pick<RpcClient, 'call'>) {
    this.#rpc = rpc
  }

  get sent(): number {
    return this.#nonce
  }

  async send(): Promise<void> {
    this.#chainId ??= BigInt((await this.#rpc.call('eth_chainId')) as string)
    const [own, ...others] = devAccounts()
    for (let i = 0; i < BURST; i++) {
      const tx = signTransaction(
        {
          type: 2,
          chainId: this.#chainId,
          nonce: BigInt(this.#nonce),
          maxPriorityFeePerGas: GWEI,
          maxFeePerGas: 100n * GWEI,
          gasLimit: 21_000n,
          to: others[this.#nonce % others.length]!.address,
          value: GWEI,
          data: new Uint8Array(0),
          accessList: [],
        },
        own!.privateKey,
      )
      await this.#rpc.call('eth_sendRawTransaction', [toHex(tx.raw)])
      this.#nonce++
    }
  }

  /** What a light node proves of the wallet: the words to show. */
  async proven(light: Pick<RpcClient, 'call'>): Promise<string> {
    const address = toHex(devAccounts()[0]!.address)
    const startMs = performance.now()
    const balance = BigInt((await light.call('eth_getBalance', [address, 'latest'])) as string)
    const tookMs = Math.round(performance.now() - startMs)
    const proof = (await light.call('eth_getProof', [address, [], 'latest'])) as {
      readonly accountProof: readonly string[]
    }
    const proofBytes = proof.accountProof.reduce((sum, node) => sum + (node.length - 2) / 2, 0)
    return `${balance} wei, proven by ${proofBytes} bytes in ${tookMs} ms`
  }

  async confirmed(): Promise<number> {
    return Number(await this.#rpc.call('eth_getTransactionCount', [toHex(devAccounts()[0]!.address), 'latest']))
  }
}
