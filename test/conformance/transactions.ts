import { checkTransactionStateless } from '../../src/chain/transaction-rules.ts'
import { loadRecovery } from '../../src/crypto/load-recovery.ts'
import type { Recovery } from '../../src/crypto/recovery.ts'
import { recoverTransaction } from '../../src/crypto/sender.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { DecodeError, TxError } from '../../src/primitives/errors.ts'
import { MAX_TRANSACTION_BYTES } from '../../src/primitives/limits.ts'
import {
  decodeTransaction,
  intrinsicGas,
  type RecoveredTransaction,
  type Transaction,
} from '../../src/primitives/transaction.ts'
import { type Fields, isFields, jsonFiles, namedCases, text } from './cases.ts'
import { expectSame, judgeCase, type Report } from './report.ts'

const CHAIN_ID = 1n

/**
 * Cases `{txbytes, result: {London: {hash, sender, intrinsicGas} or {exception, intrinsicGas}}}`. Judged by Ethereum's
 * rules: what this ledger refuses on top (contract creation, more than 128 KiB) is left out.
 */
export async function run(dir: string, report: Report): Promise<void> {
  const recovery = await loadRecovery()
  for (const file of jsonFiles(dir, report)) {
    for (const [name, fields] of namedCases(file, report)) {
      const london = isFields(fields.result) ? fields.result.London : undefined
      if (!isFields(london)) {
        report.skip('no verdict for London')
        continue
      }
      if (typeof fields.txbytes === 'string' && fields.txbytes.length > 2 + 2 * MAX_TRANSACTION_BYTES) {
        report.skip(`larger than the ${MAX_TRANSACTION_BYTES} bytes of this ledger`)
        continue
      }
      await judgeCase(report, name, () => judge(recovery, text(fields, 'txbytes'), london))
    }
  }
}

function judge(recovery: Recovery, txHex: string, expected: Fields): void {
  const tx = orRefusal(() => decodeTransaction(fromHex(txHex)))
  const verdict = tx instanceof Error ? tx : orRefusal(() => check(recovery, tx))
  const gas = typeof expected.intrinsicGas === 'string' ? BigInt(expected.intrinsicGas) : 0n
  // Zero stands where a refused transaction's gas was not worked out.
  if (!(tx instanceof Error) && gas !== 0n) expectSame('intrinsic gas', intrinsicGas(tx), gas)
  if (expected.exception !== undefined) {
    expectSame('verdict', verdict instanceof Error ? 'refused' : 'valid', 'refused')
    return
  }
  if (verdict instanceof Error) throw verdict
  expectSame('hash', toHex(verdict.hash), toHex(fromHex(text(expected, 'hash'))))
  expectSame('sender', toHex(verdict.sender), toHex(fromHex(text(expected, 'sender'))))
}

function check(recovery: Recovery, tx: Transaction): RecoveredTransaction {
  checkTransactionStateless(tx, CHAIN_ID)
  return recoverTransaction(recovery, tx)
}

/** Any other error is a bug, and fails the case. */
function orRefusal<T>(attempt: () => T): T | DecodeError | TxError {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof DecodeError || error instanceof TxError) return error
    throw error
  }
}
