import { type Header, headerFields } from '../primitives/header.ts'
import { GAS_LIMIT_BOUND_DIVISOR, MIN_GAS_LIMIT, TX_GAS } from '../primitives/limits.ts'
import { rlpHeaderLength, rlpLength } from '../primitives/rlp.ts'
import { effectiveTip, intrinsicGas, type RecoveredTransaction } from '../primitives/transaction.ts'
import { MAX_MISFITS } from './limits.ts'

/** An encoded list without items: the ommers. */
const EMPTY_LIST_BYTES = 1

/** What offers transactions, best first; `src/pool/ordering.ts` has one. */
export interface TransactionSource {
  next(): RecoveredTransaction | undefined
  /** The transaction last given out is not used, so no later one of its sender can be. */
  skipSender(): void
}

/** Gas limit of a child: as far towards `target` as one block may go. Source: EIP-1559, as in the Yellow Paper before it. */
export function nextGasLimit(parentGasLimit: bigint, target: bigint): bigint {
  const step = parentGasLimit / GAS_LIMIT_BOUND_DIVISOR - 1n
  const aim = target < MIN_GAS_LIMIT ? MIN_GAS_LIMIT : target
  if (aim > parentGasLimit) return aim < parentGasLimit + step ? aim : parentGasLimit + step
  return aim > parentGasLimit - step ? aim : parentGasLimit - step
}

export interface TemplateRoom {
  /** The header as far as it is known. Every field has the length that it will have in the sealed block. */
  readonly header: Header
  /** Bytes of the encoded block; undefined: no bound. */
  readonly maxBlockBytes: number | undefined
}

/**
 * Offers what still fits the block's gas limit and size. A transaction counts as used from the next call of `next` on,
 * unless `skipSender` comes first.
 */
export class TemplateCandidates implements TransactionSource {
  readonly #source: TransactionSource
  readonly #baseFee: bigint
  readonly #headerBytes: number
  readonly #maxBlockBytes: number
  #gasLeft: bigint
  #listBytes = 0
  #offered: RecoveredTransaction | undefined
  #lowestTip: bigint | undefined
  #full = false

  constructor({ header, maxBlockBytes }: TemplateRoom, source: TransactionSource) {
    this.#source = source
    this.#baseFee = header.baseFeePerGas
    this.#gasLeft = header.gasLimit
    // The gas used is not known yet; it is at most the limit.
    this.#headerBytes = rlpLength(headerFields({ ...header, gasUsed: header.gasLimit }))
    this.#maxBlockBytes = maxBlockBytes ?? Number.POSITIVE_INFINITY
  }

  /** Whether a transaction that pays `tx`'s fees would have had a place in the block. */
  wants({ tx }: RecoveredTransaction): boolean {
    return !this.#full || this.#lowestTip === undefined || effectiveTip(tx, this.#baseFee) > this.#lowestTip
  }

  next(): RecoveredTransaction | undefined {
    this.#takeOffered()
    for (let misfits = 0; misfits < MAX_MISFITS && this.#gasLeft >= TX_GAS; misfits++) {
      const candidate = this.#source.next()
      if (candidate === undefined) return undefined
      if (this.#fits(candidate)) {
        this.#offered = candidate
        return candidate
      }
      this.#source.skipSender()
    }
    this.#full = true
    return undefined
  }

  skipSender(): void {
    this.#offered = undefined
    this.#source.skipSender()
  }

  #takeOffered(): void {
    if (this.#offered === undefined) return
    const { tx } = this.#offered
    this.#gasLeft -= intrinsicGas(tx)
    this.#listBytes += blockFormBytes(this.#offered)
    this.#lowestTip = effectiveTip(tx, this.#baseFee)
    this.#offered = undefined
  }

  #fits(candidate: RecoveredTransaction): boolean {
    if (candidate.tx.gasLimit > this.#gasLeft) return false
    const transactions = listBytes(this.#listBytes + blockFormBytes(candidate))
    return listBytes(this.#headerBytes + transactions + EMPTY_LIST_BYTES) <= this.#maxBlockBytes
  }
}

function listBytes(payload: number): number {
  return rlpHeaderLength(payload) + payload
}

/** Bytes of a transaction within a block: typed ones are wrapped into a string. */
function blockFormBytes({ tx }: RecoveredTransaction): number {
  return tx.type === 0 ? tx.raw.length : listBytes(tx.raw.length)
}
