import { equalBytes } from '../primitives/bytes.ts'
import type { ChainBackend, MinedTransaction } from './backend.ts'
import type { Caller } from './caller.ts'
import { limitExceeded } from './errors.ts'
import { MAX_NONCE_SEARCH, TRANSACTIONS_PER_UNIT } from './limits.ts'

/**
 * The canonical transaction that `sender` signed with `nonce`, found by halving: its nonces rise with the blocks.
 * @throws RpcError -32005 where too many transactions to it lie between two of its own.
 * Cost: about log2(blocks) looks into the history.
 */
export async function transactionByNonce(
  chain: ChainBackend,
  sender: Uint8Array,
  nonce: bigint,
  caller: Caller,
): Promise<MinedTransaction | undefined> {
  let seen = 0
  /** The sender's own transactions in the first block at or after `number`, up to `last`, that has any. */
  const ownFrom = async (number: number, last: number): Promise<readonly MinedTransaction[]> => {
    let after = number - 1
    while (after < last) {
      const { transactions, more } = await chain.history(sender, { after }, 1)
      caller.charge?.(transactions.length / TRANSACTIONS_PER_UNIT)
      const own = transactions.filter((transaction) => equalBytes(transaction.sender, sender))
      if (own.length > 0) return own
      seen += transactions.length
      if (seen > MAX_NONCE_SEARCH) {
        throw limitExceeded(`search through more than ${MAX_NONCE_SEARCH} transactions`, MAX_NONCE_SEARCH)
      }
      if (!more) break
      after = transactions.at(-1)?.header.header.number ?? last
    }
    return []
  }

  let first = 0
  let last = (await chain.head()).header.number
  while (first <= last) {
    const middle = Math.floor((first + last) / 2)
    const own = await ownFrom(middle, last)
    const found = own.find(({ tx }) => tx.nonce === nonce)
    if (found) return found
    if (own.length === 0 || own[0]!.tx.nonce > nonce) last = middle - 1
    else first = own[0]!.header.header.number + 1
  }
  return undefined
}
