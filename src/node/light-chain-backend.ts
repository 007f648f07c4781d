import { nextBaseFee } from '../chain/header-rules.ts'
import type { Engine } from '../consensus/engine.ts'
import type { Recovery } from '../crypto/recovery.ts'
import { recoverTransaction } from '../crypto/sender.ts'
import type { LightClient } from '../light/client.ts'
import type { ProvenPlace } from '../light/types.ts'
import { MAX_PROOF_SLOTS } from '../p2p/wire/limits.ts'
import { blockLength } from '../primitives/block.ts'
import { UnprovenError } from '../primitives/errors.ts'
import type { PlacedReceipt } from '../primitives/receipt.ts'
import type { Transaction } from '../primitives/transaction.ts'
import type {
  BlockRef,
  ChainBackend,
  ChainBlock,
  ChainHeader,
  MinedTransaction,
  SignedTransaction,
} from '../rpc/backend.ts'
import type { Pacer } from '../trie/update.ts'
import { RecentBodies } from './recent-bodies.ts'

type Reads = Pick<
  LightClient,
  | 'head'
  | 'finality'
  | 'status'
  | 'header'
  | 'headerByHash'
  | 'branch'
  | 'body'
  | 'receipts'
  | 'prove'
  | 'code'
  | 'place'
>

export interface LightChainBackendComponents {
  readonly client: Reads
  readonly chainId: bigint
  readonly engine: Pick<Engine, 'reward'>
  readonly recovery: Recovery
  readonly pacer: Pacer
  /** A transaction that waits, here or in a peer's pool. */
  readonly waiting: (hash: Uint8Array) => Promise<SignedTransaction | undefined>
}

/**
 * The chain as a light node knows it, as RPC wants to see it. Everything is checked against the followed head. What is undefined here
 * has been proven not to be; what cannot be proven is refused.
 */
export function lightChainBackend(components: LightChainBackendComponents): ChainBackend {
  const { client, chainId, engine, recovery, pacer, waiting } = components
  const bodies = new RecentBodies()
  /** Where transactions that were looked up have been shown to stand, until nobody has them any more. */
  const places = new WeakMap<MinedTransaction, ProvenPlace>()

  const head = (): ChainHeader => {
    if (client.status().stage === 'connecting') throw new UnprovenError('no-peers', 'no chain has been shown yet')
    return client.head
  }
  const header = async (ref: BlockRef): Promise<ChainHeader | undefined> => {
    if ('hash' in ref) {
      const found = await client.headerByHash(ref.hash)
      if (!found) throw new UnprovenError('absence', 'no peer has shown a block of this hash on the chain')
      return found
    }
    if ('number' in ref) return client.header(ref.number)
    if (ref.tag === 'earliest') return client.header(0)
    return ref.tag === 'safe' || ref.tag === 'finalized' ? client.header(client.finality()[ref.tag]) : head()
  }
  const blockOf = async (at: ChainHeader): Promise<ChainBlock> => {
    const { transactions, encoded: body } = await bodies.of(at.hash, () => client.body(at))
    return { ...at, transactions, body, sizeBytes: blockLength(at.header, body) }
  }
  const recover = (tx: Transaction): SignedTransaction => recoverTransaction(recovery, tx)

  const transaction = async (hash: Uint8Array): Promise<MinedTransaction | undefined> => {
    const place = await client.place(hash)
    if (place) {
      const mined = { ...recover(place.transaction), header: place.header, index: place.index }
      places.set(mined, place)
      return mined
    }
    const pending = await waiting(hash)
    // In no block: its sender's next transaction has its number or one before it.
    if (pending && (await nonceOf(pending.sender)) <= pending.tx.nonce) return undefined
    throw new UnprovenError('absence', 'no peer has shown where a transaction of this hash stands')
  }
  const nonceOf = async (address: Uint8Array): Promise<bigint> =>
    (await client.prove(address, [], head())).account?.nonce ?? 0n

  return {
    chainId,
    head: async () => head(),
    header,
    branch: (newest, count) => client.branch(newest, count),
    block: async (ref) => {
      const at = await header(ref)
      return at && blockOf(at)
    },
    receipts: (block) => client.receipts(block, block.transactions),
    async senders({ transactions }) {
      const senders: Uint8Array[] = []
      for (const tx of transactions) {
        senders.push(recover(tx).sender)
        await pacer.pause()
      }
      return senders
    },
    transaction,
    async transactionAt(ref, index) {
      const at = await header(ref)
      const tx = at && (await blockOf(at)).transactions[index]
      return tx && { ...recover(tx), header: at, index }
    },
    async receiptsOf(_, transactions) {
      const receipts: PlacedReceipt[] = []
      for (const mined of transactions) {
        const place = places.get(mined) ?? (await client.place(mined.hash))
        if (!place) throw new UnprovenError('no-answer', 'no peer has shown the receipt')
        const { receipt, gasUsed } = place
        // Only contract code writes logs, and none runs on this ledger.
        receipts.push({ receipt, gasUsed, firstLogIndex: 0 })
      }
      return receipts
    },
    async history() {
      throw new UnprovenError('not-answered', "an address's history takes an index over all blocks; ask a full node")
    },
    account: async (address, at) => (await client.prove(address, [], at)).account,
    code: (address, at) => client.code(address, at),
    storage: async (address, key, at) => (await client.prove(address, [key], at)).storage[0]?.value ?? 0n,
    async proof(address, keys, at) {
      const proven = await client.prove(address, keys.slice(0, MAX_PROOF_SLOTS), at)
      const storage = [...proven.storage]
      // One request proves so many; the account is the same in each, since the block is.
      for (let next = MAX_PROOF_SLOTS; next < keys.length; next += MAX_PROOF_SLOTS) {
        storage.push(...(await client.prove(address, keys.slice(next, next + MAX_PROOF_SLOTS), at)).storage)
      }
      return { ...proven, storage }
    },
    nextBaseFee,
    reward: (at) => (at.number === 0 ? 0n : engine.reward(at)),
  }
}
