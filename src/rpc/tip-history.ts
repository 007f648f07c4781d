import { type Key, toKey } from '../primitives/bytes.ts'
import { placeReceipts, type Receipt } from '../primitives/receipt.ts'
import { effectiveTip } from '../primitives/transaction.ts'
import type { ChainBackend, ChainBlock, ChainHeader } from './backend.ts'

/** One tip that a block's transactions paid. */
interface PaidTip {
  /** Wei per gas. */
  readonly tip: bigint
  /** Gas that was bought at this tip or a lower one. */
  readonly gasUpTo: number
}

/**
 * What blocks were paid in tips. Wallets ask for the same few blocks over and over, and each has to be read and sorted
 * whole, so what came of it is remembered, up to so many tips in all.
 */
export class TipHistory {
  readonly #maxTips: number
  readonly #chain: Pick<ChainBackend, 'block' | 'receipts'>
  /** By block hash; the one that nobody has asked for longest comes first. */
  readonly #blocks = new Map<Key, readonly PaidTip[]>()
  #tips = 0

  /** @param options.maxTips  different tips of a block that are remembered, over all blocks; a block counts as one more. */
  constructor(
    options: { readonly maxTips: number },
    { chain }: { readonly chain: Pick<ChainBackend, 'block' | 'receipts'> },
  ) {
    this.#maxTips = options.maxTips
    this.#chain = chain
  }

  /**
   * Tips at the given percentiles (ascending, 0 to 100) of a block's gas, transactions sorted by tip; undefined: it is empty.
   * @param onRead  told of the number of transactions if the block had to be read.
   */
  async percentiles(
    { hash, header }: ChainHeader,
    percentiles: readonly number[],
    onRead: (transactions: number) => void,
  ): Promise<bigint[] | undefined> {
    const paid = await this.#paid(hash, onRead)
    if (paid.length === 0) return undefined
    let at = 0
    return percentiles.map((percentile) => {
      const threshold = (Number(header.gasUsed) * percentile) / 100
      while (paid[at]!.gasUpTo < threshold && at < paid.length - 1) at++
      return paid[at]!.tip
    })
  }

  async #paid(hash: Uint8Array, onRead: (transactions: number) => void): Promise<readonly PaidTip[]> {
    const key = toKey(hash)
    const known = this.#blocks.get(key)
    if (known) {
      this.#blocks.delete(key)
      this.#blocks.set(key, known)
      return known
    }
    const block = (await this.#chain.block({ hash }))!
    onRead(block.transactions.length)
    const paid = paidTips(block, await this.#chain.receipts(block))
    this.#remember(key, paid)
    return paid
  }

  #remember(key: Key, paid: readonly PaidTip[]): void {
    // Another call may have read it meanwhile.
    this.#forget(key)
    this.#blocks.set(key, paid)
    this.#tips += sizeOf(paid)
    for (const oldest of this.#blocks.keys()) {
      if (this.#tips <= this.#maxTips) return
      this.#forget(oldest)
    }
  }

  #forget(key: Key): void {
    const paid = this.#blocks.get(key)
    if (!paid) return
    this.#blocks.delete(key)
    this.#tips -= sizeOf(paid)
  }
}

function sizeOf(paid: readonly PaidTip[]): number {
  return 1 + paid.length
}

/** Lowest tip first, each once. */
function paidTips({ header, transactions }: ChainBlock, receipts: readonly Receipt[]): PaidTip[] {
  const gasByTip = new Map<bigint, bigint>()
  for (const [index, { gasUsed }] of placeReceipts(receipts).entries()) {
    const tip = effectiveTip(transactions[index]!, header.baseFeePerGas)
    gasByTip.set(tip, (gasByTip.get(tip) ?? 0n) + gasUsed)
  }
  let gasUpTo = 0n
  return [...gasByTip]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([tip, gas]) => {
      gasUpTo += gas
      return { tip, gasUpTo: Number(gasUpTo) }
    })
}
