import { toHex } from '../../primitives/bytes.ts'
import { type PlacedReceipt, placeReceipts } from '../../primitives/receipt.ts'
import type { Backends, BlockRef, ChainBlock, MinedTransaction } from '../backend.ts'
import type { Caller } from '../caller.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { effectiveGasPrice, encodeBlock, encodeReceipt, encodeTransaction, quantity } from '../encode.ts'
import { limitExceeded } from '../errors.ts'
import type { Json, JsonObject } from '../json.ts'
import { MAX_BLOCK_PAGE, TRANSACTIONS_PER_UNIT } from '../limits.ts'
import { address, count, hash32, LATEST, looseBlockNumber, optional } from '../schema.ts'
import {
  ADDRESS,
  BLOCK_MEMBERS,
  BOOLEAN,
  BYTES,
  listOf,
  named,
  nullable,
  QUANTITY,
  RECEIPT_MEMBERS,
  shape,
  TEXT,
  TRANSACTION,
  UINT,
} from '../shapes.ts'
import { stateHeader } from '../state-header.ts'
import { minedTransactions } from './eth-block.ts'

/** What this implements of Otterscan's interface. */
const API_LEVEL = 8
/** Bytes of calldata in a block's list: the method that a contract call would name. */
const SELECTOR_BYTES = 4

const NOTHING = { type: 'null' } as const
const SLIM_BLOCK_MEMBERS = { ...BLOCK_MEMBERS, logsBloom: NOTHING, transactionCount: QUANTITY }

const BLOCK_DETAILS = named(
  'BlockDetails',
  shape({
    block: shape(SLIM_BLOCK_MEMBERS),
    issuance: shape({ blockReward: QUANTITY, uncleReward: QUANTITY, issuance: QUANTITY }),
    totalFees: QUANTITY,
  }),
)

const BLOCK_PAGE = named(
  'BlockPage',
  shape({
    fullblock: shape({ ...SLIM_BLOCK_MEMBERS, transactions: listOf(TRANSACTION) }),
    receipts: listOf(shape({ ...RECEIPT_MEMBERS, logs: NOTHING, logsBloom: NOTHING })),
  }),
)

const TRACE = shape({
  type: { const: 'CALL' },
  depth: UINT,
  from: ADDRESS,
  to: nullable(ADDRESS),
  value: QUANTITY,
  input: BYTES,
  output: BYTES,
})

/** `ots_`: what the explorer Otterscan asks for; shapes and paging are Erigon's. */
export function otsMethods({ chain }: Pick<Backends, 'chain'>): MethodTable {
  const block = optional<BlockRef>(looseBlockNumber, LATEST)

  const readBlock = async (ref: BlockRef, caller: Caller) => {
    const found = await chain.block(ref)
    if (!found) return undefined
    caller.charge?.(found.transactions.length / TRANSACTIONS_PER_UNIT)
    const [mined, receipts] = await Promise.all([minedTransactions(chain, found), chain.receipts(found)])
    return { block: found, mined, receipts: placeReceipts(receipts) }
  }

  const details = async (ref: BlockRef, caller: Caller): Promise<Json> => {
    const found = await readBlock(ref, caller)
    if (!found) return null
    const { block, mined, receipts } = found
    const { transactions: _, ...members } = slimBlock(block)
    const reward = quantity(chain.reward(block.header))
    return {
      block: members,
      issuance: { blockReward: reward, uncleReward: quantity(0), issuance: reward },
      totalFees: quantity(totalFees(mined, receipts)),
    }
  }

  return {
    ots_getApiLevel: method({
      summary: "Level of Otterscan's interface.",
      params: {},
      result: UINT,
      handler: () => API_LEVEL,
    }),
    ots_hasCode: method({
      summary: 'Whether an account has contract code.',
      params: { address, block },
      result: BOOLEAN,
      handler: async ({ address, block }) => {
        return (await chain.code(address, await stateHeader(chain, block))).length > 0
      },
    }),
    ots_getBlockDetails: method({
      summary:
        'A canonical block without transactions, with what it minted and what fees it took, burnt ones included.',
      params: { block: looseBlockNumber },
      result: nullable(BLOCK_DETAILS),
      heavy: true,
      handler: ({ block }, caller) => details(block, caller),
    }),
    ots_getBlockDetailsByHash: method({
      summary: 'The same of a block by its hash.',
      params: { hash: hash32 },
      result: nullable(BLOCK_DETAILS),
      heavy: true,
      handler: ({ hash }, caller) => details({ hash }, caller),
    }),
    ots_getBlockTransactions: method({
      summary: "A page of a block's transactions, counted from its end, calldata cut to four bytes; with receipts.",
      params: { block: looseBlockNumber, page: count, pageSize: count },
      result: nullable(BLOCK_PAGE),
      heavy: true,
      handler: async ({ block: ref, page, pageSize }, caller) => {
        if (pageSize > MAX_BLOCK_PAGE) {
          throw limitExceeded(`page of ${pageSize} transactions, limit ${MAX_BLOCK_PAGE}`, MAX_BLOCK_PAGE)
        }
        const found = await readBlock(ref, caller)
        if (!found) return null
        const end = Math.max(0, found.mined.length - page * pageSize)
        const onPage = found.mined.slice(Math.max(0, end - pageSize), end)
        return {
          fullblock: { ...slimBlock(found.block), transactions: onPage.map(slimTransaction) },
          receipts: onPage.map((mined) => ({
            ...encodeReceipt(mined, found.receipts[mined.index]!),
            logs: null,
            logsBloom: null,
          })),
        }
      },
    }),
    ots_getInternalOperations: method({
      summary: 'Transfers that contract code made within a transaction: none, since none runs; null if it is unknown.',
      params: { hash: hash32 },
      result: nullable({ type: 'array', maxItems: 0 }),
      handler: async ({ hash }) => ((await chain.transaction(hash)) ? [] : null),
    }),
    ots_getTransactionError: method({
      summary:
        'What a transaction reverted with: nothing (0x), since a transfer that is mined succeeds; null if unknown.',
      params: { hash: hash32 },
      result: nullable(BYTES),
      handler: async ({ hash }) => ((await chain.transaction(hash)) ? '0x' : null),
    }),
    ots_traceTransaction: method({
      summary: 'Calls that a transaction made: its own transfer, and no other; null if it is unknown.',
      params: { hash: hash32 },
      result: nullable(listOf(TRACE)),
      handler: async ({ hash }) => {
        const mined = await chain.transaction(hash)
        if (!mined) return null
        const { tx, sender } = mined
        const value = quantity(tx.value)
        const to = tx.to ? toHex(tx.to) : null
        return [{ type: 'CALL', depth: 0, from: toHex(sender), to, value, input: toHex(tx.data), output: '0x' }]
      },
    }),
    ots_getContractCreator: method({
      summary:
        'Transaction that created a contract: null, since no transaction does; those in genesis were always there.',
      params: { address },
      result: nullable(shape({ hash: TEXT, creator: ADDRESS })),
      handler: () => null,
    }),
  }
}

function slimBlock(block: ChainBlock): JsonObject {
  return { ...encodeBlock(block, []), logsBloom: null, transactionCount: quantity(block.transactions.length) }
}

function slimTransaction(mined: MinedTransaction): JsonObject {
  return { ...encodeTransaction(mined, mined), input: toHex(mined.tx.data.subarray(0, SELECTOR_BYTES)) }
}

function totalFees(mined: readonly MinedTransaction[], receipts: readonly PlacedReceipt[]): bigint {
  return mined.reduce((sum, { tx, header, index }) => {
    return sum + receipts[index]!.gasUsed * effectiveGasPrice(tx, header.header.baseFeePerGas)
  }, 0n)
}
