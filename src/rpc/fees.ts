import { toKey } from '../primitives/bytes.ts'
import { effectiveTip } from '../primitives/transaction.ts'
import type { ChainBackend, ChainBlock, PoolBackend } from './backend.ts'

/** Blocks looked at for a tip, lowest tips taken from each, and which of them is suggested: geth's defaults. */
const SAMPLE_BLOCKS = 20
const SAMPLE_TIPS = 3
const PERCENTILE = 60
/** Wei per gas; a few careless transactions must not talk every wallet into paying more. geth's default. */
const MAX_SUGGESTED_TIP = 500_000_000_000n

/** Suggests tips from what recent blocks took, as geth's gas price oracle does. */
export class TipOracle {
  readonly #chain: ChainBackend
  readonly #pool: Pick<PoolBackend, 'minTip'>
  /** Tips of the blocks of the last window, by block hash. */
  #samples: ReadonlyMap<string, readonly bigint[]> = new Map()
  #answer: { readonly headKey: string; readonly tip: Promise<bigint> } | undefined

  constructor({ chain, pool }: { readonly chain: ChainBackend; readonly pool: Pick<PoolBackend, 'minTip'> }) {
    this.#chain = chain
    this.#pool = pool
  }

  /** Wei per gas, at least what the pool admits. Cost: one block read per new head. */
  async suggest(): Promise<bigint> {
    const head = await this.#chain.head()
    const headKey = toKey(head.hash)
    if (this.#answer?.headKey !== headKey) {
      const tip = this.#sample(head.hash)
      this.#answer = { headKey, tip }
      // What failed is asked for again.
      tip.catch(() => {
        this.#answer = undefined
      })
    }
    return this.#answer.tip
  }

  async #sample(headHash: Uint8Array): Promise<bigint> {
    const samples = new Map<string, readonly bigint[]>()
    let hash = headHash
    while (samples.size < SAMPLE_BLOCKS) {
      const key = toKey(hash)
      const header = await this.#chain.header({ hash })
      if (!header) break
      const known = this.#samples.get(key)
      const block = known ? undefined : await this.#chain.block({ hash })
      samples.set(key, known ?? (block ? lowestTips(block) : []))
      if (header.header.number === 0) break
      hash = header.header.parentHash
    }
    this.#samples = samples
    const tips = [...samples.values()].flat().sort(ascending)
    const tip = tips[Math.floor(((tips.length - 1) * PERCENTILE) / 100)] ?? 0n
    return clamp(tip, this.#pool.minTip, MAX_SUGGESTED_TIP)
  }
}

function lowestTips({ transactions, header }: ChainBlock): bigint[] {
  return transactions
    .map((tx) => effectiveTip(tx, header.baseFeePerGas))
    .sort(ascending)
    .slice(0, SAMPLE_TIPS)
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function clamp(value: bigint, least: bigint, most: bigint): bigint {
  const capped = value > most ? most : value
  return capped < least ? least : capped
}
