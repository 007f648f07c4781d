import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import { INVALID_PARAMS, RpcError, SERVER_ERROR } from '../errors.ts'
import type { TipOracle } from '../fees.ts'
import {
  HEADERS_PER_UNIT,
  MAX_FEE_HISTORY_BLOCKS,
  MAX_FEE_PERCENTILES,
  MAX_FEE_REWARD_BLOCKS,
  MAX_REMEMBERED_TIPS,
  TRANSACTIONS_PER_UNIT,
} from '../limits.ts'
import { arrayOf, blockNumber, count, optional, type ParamType, percentile } from '../schema.ts'
import { FEE_HISTORY, QUANTITY } from '../shapes.ts'
import { requireSynced } from '../syncing.ts'
import { TipHistory } from '../tip-history.ts'

const percentiles: ParamType<readonly number[]> = arrayOf(percentile, MAX_FEE_PERCENTILES)

/** `eth_`: what to pay. */
export function ethFeeMethods({ chain, pool, node }: Backends, oracle: TipOracle): MethodTable {
  const tips = new TipHistory({ maxTips: MAX_REMEMBERED_TIPS }, { chain })

  return {
    eth_maxPriorityFeePerGas: method({
      summary: 'Suggested tip, wei per gas: what recent blocks took, at least what the pool admits.',
      params: {},
      result: QUANTITY,
      handler: async () => {
        requireSynced(node)
        return quantity(await oracle.suggest())
      },
    }),
    eth_gasPrice: method({
      summary: 'Suggested price of a legacy transaction, wei per gas: next base fee and suggested tip.',
      params: {},
      result: QUANTITY,
      handler: async () => {
        requireSynced(node)
        const { header } = await chain.head()
        return quantity(chain.nextBaseFee(header) + (await oracle.suggest()))
      },
    }),
    eth_feeHistory: method({
      summary: 'Base fees, use of gas, and tips at percentiles of gas, of a range of blocks and the base fee after it.',
      params: { blockCount: count, newestBlock: blockNumber, rewardPercentiles: optional(percentiles, []) },
      result: FEE_HISTORY,
      heavy: true,
      handler: async ({ blockCount, newestBlock, rewardPercentiles: asked }, caller) => {
        requireSynced(node)
        if (asked.some((value, index) => index > 0 && value < asked[index - 1]!)) {
          throw new RpcError(INVALID_PARAMS, 'invalid argument 2 (rewardPercentiles): not ascending')
        }
        const newest = await chain.header(newestBlock)
        if (!newest) {
          const head = (await chain.head()).header.number
          const requested = 'number' in newestBlock ? newestBlock.number : newestBlock.tag
          throw new RpcError(SERVER_ERROR, `request beyond head block: requested ${requested}, head ${head}`)
        }
        const limit = asked.length > 0 ? MAX_FEE_REWARD_BLOCKS : MAX_FEE_HISTORY_BLOCKS
        const wanted = Math.min(blockCount, limit, newest.header.number + 1)
        const headers = await chain.branch(newest, wanted)
        caller.charge?.(headers.length / HEADERS_PER_UNIT)
        const onRead = (transactions: number) => caller.charge?.(transactions / TRANSACTIONS_PER_UNIT)
        const reward: string[][] = []
        // One after the other: a hundred whole blocks at once would be much memory for a small answer.
        for (const header of asked.length > 0 ? headers : []) {
          if (caller.isGone?.()) break
          // In an empty block the least that the pool takes would have been enough; geth says 0, which ours refuses.
          const paid = await tips.percentiles(header, asked, onRead)
          reward.push((paid ?? asked.map(() => pool.minTip)).map(quantity))
        }
        return {
          oldestBlock: quantity(headers[0]?.header.number ?? 0),
          baseFeePerGas: [
            ...headers.map(({ header }) => quantity(header.baseFeePerGas)),
            ...(headers.length > 0 ? [quantity(chain.nextBaseFee(newest.header))] : []),
          ],
          gasUsedRatio: headers.map(({ header }) => Number(header.gasUsed) / Number(header.gasLimit)),
          ...(asked.length > 0 && { reward }),
        }
      },
    }),
  }
}
