import type { TransactionOffers } from '../chain/block-executor.ts'
import { type Header, headerFields } from '../primitives/header.ts'
import { TX_GAS } from '../primitives/limits.ts'
import { rlpHeaderLength, rlpLength } from '../primitives/rlp.ts'
import { effectiveTip, intrinsicGas, type RecoveredTransaction } from '../primitives/transaction.ts'
import { MAX_MISFITS, OFFERED_TOGETHER } from './limits.ts'

/** An encoded list without items: the ommers. */
const EMPTY_LIST_BYTES = 1

/** Transactions, best first; `pool/ordering.ts` makes them. */
export interface TransactionSource {
  next(): RecoveredTransaction | undefined
  /** The transaction last given out is not used, so no later one of its sender can be. */
  skipSender(): void
}

export interface TemplateOptions {
  /** Every field has the length that it will have in the sealed block; the gas used is not known yet. */
  readonly header: Header
  /** Bytes of the encoded block; undefined: no bound. */
  readonly maxBlockBytes: number | undefined
  /** Absent: as many as fit. */
  readonly maxTransactions?: number | undefined
}

/** Offers the best transactions that still fit the block's gas limit and size. */
export class Template implements TransactionOffers {
  readonly #source: TransactionSource
  readonly #baseFee: bigint
  readonly #headerBytes: number
  readonly #maxBlockBytes: number
  readonly #refusedSenders = new Set<string>()
  #listBytes = 0
  #lowestTip: bigint | undefined
  #full = false
  #left: number

  constructor({ header, maxBlockBytes, maxTransactions }: TemplateOptions, source: TransactionSource) {
    this.#source = source
    this.#baseFee = header.baseFeePerGas
    // No more gas can be used than the limit, so its length bounds that of the gas used.
    this.#headerBytes = rlpLength(headerFields({ ...header, gasUsed: header.gasLimit }))
    this.#maxBlockBytes = maxBlockBytes ?? Number.POSITIVE_INFINITY
    this.#left = maxTransactions ?? Number.POSITIVE_INFINITY
  }

  next(gasLeft: bigint): readonly RecoveredTransaction[] {
    const offered: RecoveredTransaction[] = []
    let gas = gasLeft
    let bytes = this.#listBytes
    let misfits = 0
    while (offered.length < Math.min(OFFERED_TOGETHER, this.#left)) {
      if (gas < TX_GAS || misfits === MAX_MISFITS) {
        this.#full ||= offered.length === 0
        break
      }
      const candidate = this.#source.next()
      if (candidate === undefined) break
      const { tx, senderKey } = candidate
      const bytesWith = bytes + blockFormBytes(candidate)
      if (this.#refusedSenders.has(senderKey)) this.#source.skipSender()
      else if (tx.gasLimit > gas || this.#blockBytes(bytesWith) > this.#maxBlockBytes) {
        this.#source.skipSender()
        misfits++
      } else {
        offered.push(candidate)
        gas -= intrinsicGas(tx)
        bytes = bytesWith
      }
    }
    return offered
  }

  taken(transaction: RecoveredTransaction): void {
    this.#left--
    this.#listBytes += blockFormBytes(transaction)
    this.#lowestTip = effectiveTip(transaction.tx, this.#baseFee)
  }

  refused({ senderKey }: RecoveredTransaction): void {
    this.#refusedSenders.add(senderKey)
  }

  /** Whether a transaction that pays `tx`'s fees would have had a place in the block. */
  wants({ tx }: RecoveredTransaction): boolean {
    return !this.#full || this.#lowestTip === undefined || effectiveTip(tx, this.#baseFee) > this.#lowestTip
  }

  #blockBytes(transactions: number): number {
    return listBytes(this.#headerBytes + listBytes(transactions) + EMPTY_LIST_BYTES)
  }
}

function listBytes(payload: number): number {
  return rlpHeaderLength(payload) + payload
}

/** Bytes of a transaction within a block: typed ones are wrapped into a string. */
function blockFormBytes({ tx }: RecoveredTransaction): number {
  return tx.type === 0 ? tx.raw.length : listBytes(tx.raw.length)
}
