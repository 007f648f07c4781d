import type { ChainParams, Head } from '../chain/types.ts'
import type { Engine, Finality } from '../consensus/engine.ts'
import type { Recovery } from '../crypto/recovery.ts'
import { recoverTransaction } from '../crypto/sender.ts'
import { hasCode } from '../primitives/account.ts'
import type { Clock } from '../primitives/clock.ts'
import { TxError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { Receipt } from '../primitives/receipt.ts'
import { decodeTransaction, type RecoveredTransaction, type Transaction } from '../primitives/transaction.ts'
import type { Pacer } from '../trie/update.ts'
import { Follower } from './follower.ts'
import { LightError } from './light-error.ts'
import { YOUNG_HEAD_WAIT_MS } from './limits.ts'
import { ProvenReads } from './reads.ts'
import { SentTransactions } from './sent.ts'
import type {
  GossipVerdict,
  LightFault,
  LightHeadEvent,
  LightRequests,
  LightRules,
  LightStatus,
  LightStore,
  PeerBody,
  ProvenAccount,
  ProvenPlace,
} from './types.ts'

export interface LightClientOptions {
  readonly params: ChainParams
  readonly rules: LightRules
  readonly genesis: HashedHeader
  /**
   * Peers that must have a block before it is answered from, unless much has been built on it; 2 unless told. 1: a single peer is believed
   * to have executed its head.
   */
  readonly vouchers?: number
  /** Seconds after which the newest block is too old to answer from; undefined: never. */
  readonly maxHeadAgeSec?: number | undefined
}

export interface LightClientComponents {
  /** Without evidence, which looks back further than headers are held here. */
  readonly engine: Engine
  readonly requests: LightRequests
  readonly clock: Clock
  /** At least 0, below 1: spreads questions over the peers. */
  readonly random: () => number
  readonly pacer: Pacer
  readonly recovery: Recovery
  readonly store?: LightStore | undefined
  readonly report: (peer: string, fault: LightFault) => void
  /** The rules that need neither sender nor state, the pool's among them. @throws TxError */
  readonly checkTransaction: (tx: Transaction, head: Header) => void
  /** Hands a transaction, EIP-2718 encoded, to peers. @returns how many it went to. */
  readonly send: (raw: Uint8Array) => Promise<number>
  readonly genesisCode: (codeHash: Uint8Array) => Uint8Array | undefined
  /** Told of operational failures that no caller waits for. */
  readonly onError: (error: unknown) => void
}

/** Full nodes hold the states of their last 128 blocks: of so many below its head a peer must have them. */
const STATE_BLOCKS = 64

/**
 * A node without the chain: knows which one has the most work, and answers a wallet with proofs. What it does not know it does not
 * guess. docs/light.md says what is proven how.
 */
export class LightClient {
  readonly #options: LightClientOptions
  readonly #components: LightClientComponents
  readonly #follower: Follower
  readonly #reads: ProvenReads
  readonly #sent = new SentTransactions()

  constructor(options: LightClientOptions, components: LightClientComponents) {
    this.#options = options
    this.#components = components
    const follower = new Follower({ vouchers: 2, ...options }, components)
    this.#follower = follower
    const { requests, pacer, genesisCode } = components
    this.#reads = new ProvenReads({
      chain: follower.chain,
      params: options.params,
      requests,
      pacer,
      genesisCode,
      ask: follower.ask,
      head: () => follower.head,
      peers: (number) => follower.peersFor(number),
      mustHold: (peer, number) => {
        const reach = follower.reachOf(peer)
        return reach !== undefined && number <= reach && number > reach - STATE_BLOCKS
      },
    })
  }

  /** Goes on from what was saved, if anything. */
  start(): Promise<void> {
    return this.#follower.start()
  }

  stop(): Promise<void> {
    return this.#follower.stop()
  }

  /** A peer is connected that serves headers and proofs. */
  addPeer(peer: string): void {
    this.#follower.addPeer(peer)
  }

  removePeer(peer: string): void {
    this.#follower.removePeer(peer)
  }

  /** Takes a header that a peer told of. @returns what its message deserves. */
  announce(peer: string, header: HashedHeader): GossipVerdict {
    return this.#follower.announce(peer, header)
  }

  /** The newest block that is answered from. */
  get head(): Head {
    return this.#follower.head
  }

  /** Which blocks up to the head wallets may call safe and finalized. */
  finality(): Finality {
    return this.#follower.finality()
  }

  status(): LightStatus {
    return this.#follower.status()
  }

  /**
   * Resolves with the head once everything that the connected peers claim has been looked at. Who answers first may have just joined too, with
   * nothing but genesis to show: while the head is too old to be answered from, others are waited for, but not for ever.
   * @throws LightError, `stale-head`, where nobody came with a newer one; the signal's reason.
   */
  async waitUntilSynced(signal?: AbortSignal): Promise<Head> {
    const head = await this.#follower.waitUntilSynced({ signal })
    if (!this.#isTooOld(head)) return head
    const patience = new AbortController()
    const cancel = this.#components.clock.after(YOUNG_HEAD_WAIT_MS, () => patience.abort(this.#staleHead()))
    try {
      return await this.#follower.waitUntilSynced({
        signal: signal ? AbortSignal.any([signal, patience.signal]) : patience.signal,
        accept: (newer) => !this.#isTooOld(newer),
      })
    } finally {
      cancel()
    }
  }

  /** Calls `listener` when the head has changed; the returned function ends that. */
  subscribe(listener: (event: LightHeadEvent) => void): () => void {
    return this.#follower.subscribe(listener)
  }

  /** @returns undefined above the head. @throws LightError */
  header(number: number): Promise<Head | undefined> {
    return this.#reads.header(number)
  }

  /** @returns undefined where nobody shows it on the followed chain, which proves nothing. @throws LightError */
  headerByHash(hash: Uint8Array): Promise<Head | undefined> {
    return this.#reads.headerByHash(hash)
  }

  /** A header that was read here and those before it, `count` in all or as many as there are, oldest first. @throws LightError */
  branch(newest: Head, count: number): Promise<readonly Head[]> {
    return this.#reads.branch(newest, count)
  }

  /** @throws LightError */
  body(header: HashedHeader): Promise<PeerBody> {
    return this.#reads.body(header)
  }

  /** @param transactions  of the block. @throws LightError */
  receipts(header: HashedHeader, transactions: readonly Transaction[]): Promise<readonly Receipt[]> {
    return this.#reads.receipts(header, transactions)
  }

  /**
   * An account and some of its storage.
   * @param address  20 bytes. @param slots  32 bytes each. @param at  a header that was read here.
   * @throws LightError, StateUnavailableError
   */
  prove(address: Uint8Array, slots: readonly Uint8Array[], at: HashedHeader): Promise<ProvenAccount> {
    this.#checkAge()
    return this.#reads.prove(address, slots, at)
  }

  /** An account's code, no bytes where it has none. @throws as `prove` */
  code(address: Uint8Array, at: HashedHeader): Promise<Uint8Array> {
    this.#checkAge()
    return this.#reads.code(address, at)
  }

  /** @returns undefined where nobody shows the transaction in a block, which proves nothing. @throws LightError */
  place(transactionHash: Uint8Array): Promise<ProvenPlace | undefined> {
    return this.#reads.place(transactionHash)
  }

  /**
   * Checks a signed transaction against what is proven of its sender, and hands it to peers.
   * @returns its hash. @throws TxError, DecodeError, LightError
   */
  async submit(raw: Uint8Array): Promise<Uint8Array> {
    const { checkTransaction, recovery, send } = this.#components
    const { head } = this
    const tx = decodeTransaction(raw)
    checkTransaction(tx, head.header)
    const transaction = recoverTransaction(recovery, tx)
    if (this.#sent.get(transaction.hash)) throw new TxError('already-known')
    await this.#checkAccounts(transaction, head)
    if ((await send(raw)) === 0) throw new LightError('no-peers', 'there is no peer to send it to')
    this.#sent.add(transaction)
    return transaction.hash
  }

  /** Next nonce of an account, by its proof and what was sent from here. @throws as `prove` */
  async pendingNonce(address: Uint8Array): Promise<bigint> {
    const { account } = await this.prove(address, [], this.head)
    const nonce = account?.nonce ?? 0n
    this.#sent.settle(address, nonce)
    return this.#sent.nextNonce(address, nonce)
  }

  /** A transaction that was sent from here and is not known to be in a block. */
  sent(hash: Uint8Array): RecoveredTransaction | undefined {
    return this.#sent.get(hash)
  }

  get sentTransactions(): readonly RecoveredTransaction[] {
    return this.#sent.all
  }

  async #checkAccounts({ tx, sender }: RecoveredTransaction, head: Head): Promise<void> {
    const [from, to] = await Promise.all([sender, tx.to].map((address) => address && this.prove(address, [], head)))
    const nonce = from!.account?.nonce ?? 0n
    const balance = from!.account?.balance ?? 0n
    this.#sent.settle(sender, nonce)
    if (from!.account && hasCode(from!.account)) throw new TxError('sender-has-code')
    if (to?.account && hasCode(to.account)) throw new TxError('recipient-has-code')
    if (tx.nonce < nonce) throw new TxError('nonce-too-low', { nonce: tx.nonce, expected: nonce })
    const cost = tx.value + tx.gasLimit * tx.maxFeePerGas
    if (cost > balance) throw new TxError('insufficient-funds', { balance, cost, overshot: cost - balance })
  }

  /** @throws LightError if the newest block is too old for its state to be called the present one. */
  #checkAge(): void {
    if (this.#isTooOld(this.head)) throw this.#staleHead()
  }

  #isTooOld(head: Head): boolean {
    const { maxHeadAgeSec } = this.#options
    return maxHeadAgeSec !== undefined && this.#ageSec(head) > maxHeadAgeSec
  }

  #staleHead(): LightError {
    const { number } = this.head.header
    return new LightError(
      'stale-head',
      `block ${number}, the newest that any peer shows, is ${this.#ageSec(this.head)} s old`,
    )
  }

  #ageSec({ header }: Head): number {
    return Math.floor(this.#components.clock.nowMs() / 1_000) - header.timestamp
  }
}
