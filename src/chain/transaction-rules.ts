import { isCanonicalSignature } from '../crypto/sender.ts'
import { isPrecompile } from '../primitives/account.ts'
import { TxError } from '../primitives/errors.ts'
import { MAX_NONCE, MAX_UINT256 } from '../primitives/limits.ts'
import { intrinsicGas, signatureOf, type Transaction } from '../primitives/transaction.ts'

/**
 * Ethereum's London rules for a transaction by itself, without sender, state or block; cheapest first. Size and form
 * were checked when it was decoded.
 * @throws TxError `wrong-chain-id`, `tip-above-fee-cap`, `nonce-max`, `gas-overflow`, `invalid-signature`, `intrinsic-gas`
 * Cost: below a microsecond, and in the size of data and access list.
 */
export function checkTransactionStateless(tx: Transaction, chainId: bigint): void {
  if (tx.chainId !== undefined && tx.chainId !== chainId) {
    throw new TxError('wrong-chain-id', { chainId: tx.chainId, expected: chainId })
  }
  const { maxPriorityFeePerGas, maxFeePerGas, gasLimit } = tx
  if (maxPriorityFeePerGas > maxFeePerGas)
    throw new TxError('tip-above-fee-cap', { maxPriorityFeePerGas, maxFeePerGas })
  // EIP-2681: otherwise the sender's nonce would leave 64 bits.
  if (tx.nonce >= MAX_NONCE) throw new TxError('nonce-max')
  if (gasLimit * maxFeePerGas > MAX_UINT256) throw new TxError('gas-overflow')
  const { r, s } = signatureOf(tx)
  if (!isCanonicalSignature(r, s)) throw new TxError('invalid-signature')
  const needed = intrinsicGas(tx)
  if (gasLimit < needed) throw new TxError('intrinsic-gas', { gasLimit, needed })
}

/**
 * What this ledger refuses although Ethereum would not, because it runs no code (docs/protocol.md): such a
 * transaction is invalid in a block, instead of being charged for something that does not happen.
 * @throws TxError `contract-creation`, `recipient-is-precompile`
 */
export function checkLedgerRules(tx: Transaction): void {
  if (tx.to === undefined) throw new TxError('contract-creation')
  if (isPrecompile(tx.to)) throw new TxError('recipient-is-precompile')
}
