import type { Chain } from '../chain/chain.ts'
import { nextBaseFee } from '../chain/header-rules.ts'
import type { ExecutedBlock } from '../chain/types.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { type Account, hasCode } from '../primitives/account.ts'
import { EMPTY_BYTES } from '../primitives/bytes.ts'
import { StateUnavailableError, TxError } from '../primitives/errors.ts'
import type { HashedHeader } from '../primitives/header.ts'
import type { RecoveredTransaction, Transaction } from '../primitives/transaction.ts'
import type { BlockRef, ChainBackend, ChainBlock, ChainHeader } from '../rpc/backend.ts'
import { proveStorage, readStorage } from '../state/storage.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys } from '../store/schema.ts'
import type { RecentBlocks } from './recent-blocks.ts'

export interface ChainBackendComponents {
  readonly chain: Chain
  readonly database: Database
  readonly recent: RecentBlocks
  readonly recover: (transactions: readonly Transaction[]) => Promise<readonly (RecoveredTransaction | TxError)[]>
}

/** A full node's chain as RPC wants to see it: everything is read from what this node has verified itself. */
export function chainBackend({ chain, database, recent, recover }: ChainBackendComponents): ChainBackend {
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
  const account = (address: Uint8Array, at: HashedHeader): Promise<Account | undefined> =>
    chain.account(keccak256Key(address), at.hash)

  return {
    chainId: chain.params.chainId,
    head: async () => chain.head,
    header: async (ref) => header(ref),
    block: async (ref) => {
      const at = header(ref)
      return at && block(at)
    },
    receipts: async ({ hash }) => {
      const found = executed(hash)
      if (!found) throw new StateUnavailableError()
      return found.receipts
    },
    senders: async ({ hash, transactions }) => {
      const found = executed(hash)
      if (found) return found.transactions.map(({ sender }) => sender)
      // A side block that was never run: nothing is known but what its signatures say.
      return (await recover(transactions)).map((result) => {
        if (result instanceof TxError) throw result
        return result.sender
      })
    },
    transaction: async (hash) => {
      const located = recent.transaction(hash)
      if (located) {
        const at = store.header(located.executed.block.hash)!
        return { block: block(at)!, index: located.index }
      }
      const location = store.transactionLocation(hash)
      const at = location && header({ number: location.blockNumber })
      const found = at && block(at)
      return found && { block: found, index: location.index }
    },
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
      const [accountProof, found] = await Promise.all([chain.prove(accountKey, at.hash), account(address, at)])
      const storage = found
        ? await proveStorage(database, accountKey, slots)
        : slots.map(() => ({ value: 0n, proof: [] }))
      return { account: found, accountProof, storage }
    },
    nextBaseFee,
  }
}
