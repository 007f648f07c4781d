import type { Head } from '../chain/types.ts'
import { toHex } from '../primitives/bytes.ts'
import type { LightStatus as RpcLightStatus } from '../rpc/light.ts'
import type { LightCore } from './light-core.ts'
import { OneByOne } from './one-by-one.ts'
import { ask, type ProviderRequest } from './provider.ts'
import type { NodeHead } from './status.ts'

/** How a light node stands, for people who look at it. */
export type LightNodeStatus = RpcLightStatus

/** A light node that was opened, with its RPC; `close` ends both. */
export interface OpenedLightNode {
  readonly core: LightCore
  readonly answer: (message: string) => Promise<string | undefined>
  /** Where JSON-RPC is served to others. */
  readonly rpcUrl: string | undefined
  close(): Promise<void>
}

/**
 * A light node: it follows the headers of the heaviest proven chain and answers the RPC of a full node with what peers prove to it.
 * Nothing runs before `start`.
 */
export class LightNode {
  readonly #open: () => Promise<OpenedLightNode>
  readonly #headListeners = new Set<(head: NodeHead) => void>()
  /** Starts and stops. */
  readonly #steps = new OneByOne()
  #opened: OpenedLightNode | undefined

  /** @param open  puts it together; it may be started again after a stop. */
  constructor(open: () => Promise<OpenedLightNode>) {
    this.#open = open
  }

  /** Where JSON-RPC is served; undefined where it is not. */
  get rpcUrl(): string | undefined {
    return this.#opened?.rpcUrl
  }

  /**
   * Resolves when it runs and looks for peers; `waitUntilSynced` tells when it has something to answer from.
   * @throws ConfigError, GenesisError, StoreError; the operating system's error if RPC cannot listen. Nothing runs then. Error if it
   *   runs already, and it goes on.
   */
  start(): Promise<void> {
    return this.#steps.run(async () => {
      if (this.#opened) throw new Error('the node runs already')
      this.#opened = await this.#open()
      this.#opened.core.client.subscribe(({ head }) => this.#tell(head))
    })
  }

  /** Keeps the newest headers for the next start, and lets everything go; after a start under way. Does nothing if nothing runs. */
  stop(): Promise<void> {
    return this.#steps.run(async () => {
      const opened = this.#opened
      this.#opened = undefined
      await opened?.close()
    })
  }

  /**
   * Resolves as soon as it is at the head of what its peers show, with that head.
   * @param signal  ends the wait, which then rejects with its reason.
   * @throws UnprovenError if the newest block that any peer shows is too old to be answered from; Error if the node does not run.
   */
  async waitUntilSynced(signal?: AbortSignal): Promise<NodeHead> {
    return nodeHead(await this.#alive().core.client.waitUntilSynced(signal))
  }

  /**
   * Asks the node, as over JSON-RPC but in this process, by an EIP-1193 request: so the node is a provider for viem's `custom` and
   * ethers' `BrowserProvider`. No key is ever in it: it takes transactions that are signed.
   * @throws ProviderError where JSON-RPC would answer with an error; Error if the node does not run.
   */
  request(request: ProviderRequest): Promise<unknown> {
    return ask(this.#alive().answer, request)
  }

  /** Calls `listener`, which must not throw, after every new head once the node runs. @returns what ends that. */
  onHead(listener: (head: NodeHead) => void): () => void {
    this.#headListeners.add(listener)
    return () => this.#headListeners.delete(listener)
  }

  /** @throws Error if the node does not run. */
  status(): LightNodeStatus {
    return this.#alive().core.backends.light!.status()
  }

  #alive(): OpenedLightNode {
    if (!this.#opened) throw new Error('the node does not run')
    return this.#opened
  }

  #tell(head: Head): void {
    for (const listener of this.#headListeners) listener(nodeHead(head))
  }
}

function nodeHead({ hash, header: { number, timestamp } }: Head): NodeHead {
  return { number, hashHex: toHex(hash), timestamp }
}
