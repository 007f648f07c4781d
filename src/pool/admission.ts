import { type Account, hasCode } from '../primitives/account.ts'
import { TxError } from '../primitives/errors.ts'
import type { Transaction } from '../primitives/transaction.ts'
import type { PoolEntry } from './entry.ts'
import { PRICE_BUMP_PERCENT } from './limits.ts'
import type { SenderQueue } from './sender-queue.ts'

/**
 * What the pool asks beyond the ledger's own rules. Each check throws TxError with the facts that geth's message for
 * it shows; the order is geth's too, so that a transaction with several faults is refused for the same one.
 */

/**
 * The part that needs neither sender nor state.
 * @param minTip wei per gas.
 * @param blockGasLimit of the head: what asks for more can never be mined.
 * @throws TxError `unprotected`, `gas-above-block`, `tip-below-floor`
 */
export function checkPolicy(tx: Transaction, minTip: bigint, blockGasLimit: bigint): void {
  // Valid in a block, but anyone could replay it on any other network.
  if (tx.chainId === undefined) throw new TxError('unprotected')
  if (tx.gasLimit > blockGasLimit) {
    throw new TxError('gas-above-block', { gasLimit: tx.gasLimit, available: blockGasLimit })
  }
  if (tx.maxPriorityFeePerGas < minTip) {
    throw new TxError('tip-below-floor', { tip: tx.maxPriorityFeePerGas, floor: minTip })
  }
}

/** @throws TxError `sender-has-code` (EIP-3607), `recipient-has-code` */
export function checkCode(sender: Account | undefined, recipient: Account | undefined): void {
  if (sender !== undefined && hasCode(sender)) throw new TxError('sender-has-code')
  if (recipient !== undefined && hasCode(recipient)) throw new TxError('recipient-has-code')
}

/** @throws TxError `nonce-too-low` */
export function checkNonce(tx: Transaction, { nonce }: SenderQueue): void {
  if (tx.nonce < nonce) throw new TxError('nonce-too-low', { nonce: tx.nonce, expected: nonce })
}

/**
 * The balance must cover the transaction together with all others of its sender here, queued ones included. Otherwise
 * a sender could fill the pool with transactions of which only one can ever pay (MemPurge).
 * @param cost wei, of the new transaction. @param replaced which the new one would stand in for.
 * @throws TxError `insufficient-funds` with balance, cost, overshot, and for a sender with others `queuedCost`; then
 *   `cost` of a replacement is what it adds, and `replacement` is 1.
 */
export function checkFunds(cost: bigint, { balance, totalCost }: SenderQueue, replaced: PoolEntry | undefined): void {
  if (cost > balance) throw new TxError('insufficient-funds', { balance, cost, overshot: cost - balance })
  const added = replaced === undefined ? cost : cost - replaced.cost
  const overshot = totalCost + added - balance
  if (overshot <= 0n) return
  throw new TxError('insufficient-funds', {
    balance,
    cost: added,
    overshot,
    queuedCost: totalCost,
    replacement: replaced === undefined ? 0 : 1,
  })
}

/**
 * Both fees must rise, and by a tenth: the miner's share alone would let a sender raise it for free.
 * @throws TxError `replacement-underpriced`
 */
export function checkReplacement(tx: Transaction, { recovered: { tx: old } }: PoolEntry): void {
  const tipNeeded = bumped(old.maxPriorityFeePerGas)
  const feeCapNeeded = bumped(old.maxFeePerGas)
  if (tx.maxPriorityFeePerGas < tipNeeded || tx.maxFeePerGas < feeCapNeeded) {
    throw new TxError('replacement-underpriced', { tipNeeded, feeCapNeeded })
  }
}

/** Rounded down as geth does; at least one wei more, also where a tenth rounds to nothing. */
function bumped(fee: bigint): bigint {
  const raised = (fee * (100n + PRICE_BUMP_PERCENT)) / 100n
  return raised > fee ? raised : fee + 1n
}
