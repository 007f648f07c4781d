import type { Chain } from '../chain/chain.ts'
import type { ExecutedBlock } from '../chain/executed-block.ts'
import { nextBaseFee } from '../chain/header-rules.ts'
import type { Engine } from '../consensus/engine.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import type { Miner } from '../miner/miner.ts'
import { DEFAULT_POOL_OPTIONS } from '../pool/limits.ts'
import type { TransactionPool } from '../pool/pool.ts'
import { type Account, hasCode } from '../primitives/account.ts'
import { EMPTY_BYTES, equalBytes } from '../primitives/bytes.ts'
import { StateUnavailableError, TxError } from '../primitives/errors.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { placeReceiptsAt } from '../primitives/receipt.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import type {
  BlockRef,
  ChainBackend,
  ChainBlock,
  ChainHeader,
  HistoryPage,
  MinedTransaction,
  MinerBackend,
  PoolBackend,
} from '../rpc/backend.ts'
import { type Eventually, whenThere } from '../rpc/eventually.ts'
import { proveStorage, readStorage } from '../state/storage.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import type { Pacer } from '../trie/update.ts'
import { TransactionIntake } from './intake.ts'
import type { RecentBlocks } from './recent-blocks.ts'

export interface ChainBackendComponents {
  readonly chain: Chain
  readonly engine: Pick<Engine, 'reward'>
  readonly database: Database
  readonly recent: RecentBlocks
  readonly recover: (transactions: readonly Transaction[]) => Promise<readonly (RecoveredTransaction | TxError)[]>
  /** Between whole blocks, of which one call may read a hundred. */
  readonly pacer: Pacer
}

/** A full node's chain as RPC wants to see it: everything is read from what this node has verified itself. */
export function chainBackend(components: ChainBackendComponents): ChainBackend {
  const { chain, engine, database, recent, recover, pacer } = components
  const { store } = chain

  const numberOf = (ref: Exclude<BlockRef, { readonly hash: Uint8Array }>): number => {
    if ('number' in ref) return ref.number
    if (ref.tag === 'earliest') return 0
    return ref.tag === 'safe' || ref.tag === 'finalized' ? chain.finality()[ref.tag] : chain.head.header.number
  }
  const header = (ref: BlockRef): ChainHeader | undefined => {
    const { head } = chain
    if ('hash' in ref) return store.header(ref.hash)
    const number = numberOf(ref)
    if (number === head.header.number) return head
    // Above the head there may be records already: blocks written and not yet announced.
    const hash = number > head.header.number ? undefined : store.canonicalHash(number)
    return hash && store.header(hash)
  }
  const block = (at: ChainHeader): ChainBlock | undefined => {
    const found = recent.block(at.hash)?.block ?? store.block(at.hash)
    return found && { ...found, totalDifficulty: at.totalDifficulty }
  }
  const executed = (hash: Uint8Array): ExecutedBlock | undefined => recent.block(hash) ?? store.executed(hash)
  const recoverAll = async (transactions: readonly Transaction[]): Promise<RecoveredTransaction[]> =>
    (await recover(transactions)).map((result) => {
      if (result instanceof TxError) throw result
      return result
    })
  /** Of a block that was executed; `places` ascend. */
  const executedAt = (hash: Uint8Array, places: readonly number[]): readonly RecoveredTransaction[] | undefined => {
    const known = recent.block(hash)?.transactions
    return known ? places.flatMap((place) => known[place] ?? []) : store.transactionsAt(hash, places)
  }
  const transactionAt = async (at: ChainHeader, index: number): Promise<MinedTransaction | undefined> => {
    const found = executedAt(at.hash, [index])
    if (found) return found[0] && { ...found[0], header: at, index }
    // A side block that was never run: nothing is known but what its signatures say.
    const tx = store.block(at.hash)?.transactions[index]
    const [recovered] = tx ? await recoverAll([tx]) : []
    return recovered && { ...recovered, header: at, index }
  }
  const history = async (
    address: Uint8Array,
    from: { readonly before: number } | { readonly after: number },
    atLeast: number,
  ): Promise<HistoryPage> => {
    // Above the head there may be records already: blocks written and not yet announced.
    const end = chain.head.header.number + 1
    const range = 'before' in from ? { before: Math.min(from.before, end) } : from
    const transactions: MinedTransaction[] = []
    for await (const found of store.addressHistory(address, range)) {
      if (found.blockNumber >= end) break
      if (transactions.length >= atLeast) return { transactions, more: true }
      await pacer.pause()
      const at = header({ hash: found.blockHash })
      if (at) for (const own of found.transactions) transactions.push({ ...own, header: at })
    }
    return { transactions, more: false }
  }
  const account = (address: Uint8Array, at: HashedHeader): Eventually<Account | undefined> =>
    chain.account(keccak256Key(address), at.hash)

  return {
    chainId: chain.params.chainId,
    head: () => chain.head,
    header,
    branch: async (newest, count) => {
      const headers: ChainHeader[] = []
      let at: ChainHeader | undefined = newest
      while (at && headers.length < count) {
        headers.push(at)
        at = at.header.number === 0 ? undefined : header({ hash: at.header.parentHash })
        await pacer.pause()
      }
      return headers.reverse()
    },
    block: async (ref) => {
      await pacer.pause()
      const at = header(ref)
      return at && block(at)
    },
    receipts: async ({ hash }) => {
      await pacer.pause()
      const found = executed(hash)
      if (!found) throw new StateUnavailableError()
      return found.receipts
    },
    senders: async ({ hash, transactions }) => {
      const recovered = executed(hash)?.transactions ?? (await recoverAll(transactions))
      return recovered.map(({ sender }) => sender)
    },
    transaction: async (hash) => {
      const located = recent.transaction(hash)
      if (located) return transactionAt(store.header(located.executed.block.hash)!, located.index)
      const location = store.transactionLocation(hash)
      const at = location && header({ number: location.blockNumber })
      // On disk there may be another branch already, whose head is not announced yet.
      return at && equalBytes(at.hash, location.blockHash) ? transactionAt(at, location.index) : undefined
    },
    transactionAt: async (ref, index) => {
      const at = header(ref)
      return at && transactionAt(at, index)
    },
    receiptsOf: async ({ hash }, transactions) => {
      await pacer.pause()
      const places = transactions.map(({ index }) => index)
      const types = transactions.map(({ tx }) => tx.type)
      const known = recent.block(hash)
      const found = known ? placeReceiptsAt(known.receipts, places) : store.receiptsAt(hash, places, types)
      if (!found) throw new StateUnavailableError()
      return found
    },
    history,
    account,
    code: async (address, at) => {
      const found = await account(address, at)
      if (!found || !hasCode(found)) return EMPTY_BYTES
      const code = database.get(keys.code(found.codeHash))
      if (code === undefined) throw damaged('the code of an account is missing')
      return code
    },
    storage: async (address, key, at) => {
      // Storage never changes, but whether the account exists at `at` has to be known.
      const found = await account(address, at)
      return found ? readStorage(database, keccak256Key(address), key) : 0n
    },
    proof: async (address, slots, at) => {
      const accountKey = keccak256Key(address)
      const found = await account(address, at)
      const accountProof = await chain.prove(accountKey, at.hash)
      const storage = found
        ? await proveStorage(database, accountKey, slots)
        : slots.map(() => ({ value: 0n, proof: [] }))
      return { account: found, accountProof, storage }
    },
    nextBaseFee,
    reward: (header) => (header.number === 0 ? 0n : engine.reward(header)),
  }
}

/** The pool as RPC wants to see it. */
export function poolBackend(
  { chain, recover }: Pick<ChainBackendComponents, 'chain' | 'recover'>,
  pool: TransactionPool,
): PoolBackend {
  const intake = new TransactionIntake({
    check: (tx) => pool.check(tx),
    recover,
    admit: (transactions) => pool.addBatch(transactions, 'local'),
  })
  return {
    minTip: DEFAULT_POOL_OPTIONS.minTip,
    submit: (raw) => intake.submit(raw),
    nonce(address) {
      const account = chain.account(keccak256Key(address), chain.head.hash)
      return whenThere(account, (found) => pool.pendingNonce(address, found?.nonce ?? 0n))
    },
    get: async (hash) => pool.get(hash),
    status: () => pool.status(),
    content: () => [...pool.content()],
    contentFrom: (sender) => pool.contentFrom(sender),
  }
}

/** The miner in its operator's hand. */
export function minerBackend(miner: Miner, engine: Pick<Engine, 'requiredMiner'>): MinerBackend {
  return {
    start: () => miner.start(),
    stop: () => miner.stop(),
    setEtherbase(address) {
      if (engine.requiredMiner !== undefined) return false
      miner.setCoinbase(address)
      return true
    },
    setGasLimit: (gas) => miner.setGasLimitTarget(gas),
  }
}
