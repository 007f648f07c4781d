import type { JsonSchema } from './schema.ts'

/** JSON Schemas of results, as `rpc_discover` publishes them: what `encode.ts` and the methods produce, and no more. */

/** Null where there is nothing to tell of. */
export function nullable(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, { type: 'null' }] }
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

/** Objects with exactly these members; `optional` ones may be missing. */
export function shape(
  members: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  return {
    type: 'object',
    properties: { ...members, ...optional },
    required: Object.keys(members),
    additionalProperties: false,
  }
}

/** Objects whose members' names are data: addresses, nonces. */
export function mapOf(values: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: values }
}

/** Gives a schema the name under which it is published. */
export function named(title: string, schema: JsonSchema): JsonSchema {
  return { title, ...schema }
}

function hexOf(sizeBytes: number, title: string): JsonSchema {
  return { title, type: 'string', pattern: `^0x[0-9a-f]{${2 * sizeBytes}}$` }
}

export const TEXT: JsonSchema = { type: 'string' }
export const BOOLEAN: JsonSchema = { type: 'boolean' }
/** A plain JSON number, as Otterscan has some. */
export const UINT: JsonSchema = { type: 'integer', minimum: 0 }
export const QUANTITY: JsonSchema = { title: 'Quantity', type: 'string', pattern: '^0x(0|[1-9a-f][0-9a-f]*)$' }
export const BYTES: JsonSchema = { title: 'Bytes', type: 'string', pattern: '^0x([0-9a-f]{2})*$' }
export const ADDRESS = hexOf(20, 'Address')
export const HASH = hexOf(32, 'Hash')
/** A storage slot's value. */
export const WORD = hexOf(32, 'Word')
const BLOOM = hexOf(256, 'Bloom')

const headerMembers = {
  hash: HASH,
  parentHash: HASH,
  sha3Uncles: HASH,
  miner: ADDRESS,
  stateRoot: HASH,
  transactionsRoot: HASH,
  receiptsRoot: HASH,
  logsBloom: BLOOM,
  difficulty: QUANTITY,
  totalDifficulty: QUANTITY,
  number: QUANTITY,
  gasLimit: QUANTITY,
  gasUsed: QUANTITY,
  timestamp: QUANTITY,
  extraData: BYTES,
  mixHash: HASH,
  nonce: hexOf(8, 'BlockNonce'),
  baseFeePerGas: QUANTITY,
}

export const HEADER = named('Header', shape(headerMembers))

export const ACCESS_LIST = named('AccessList', listOf(shape({ address: ADDRESS, storageKeys: listOf(HASH) })))

/** What a wallet signs. */
export const UNSIGNED_TRANSACTION = named(
  'UnsignedTransaction',
  shape(
    {
      from: ADDRESS,
      to: nullable(ADDRESS),
      nonce: QUANTITY,
      gas: QUANTITY,
      value: QUANTITY,
      input: BYTES,
      type: { enum: ['0x0', '0x1', '0x2'] },
      chainId: QUANTITY,
    },
    { gasPrice: QUANTITY, accessList: ACCESS_LIST, maxFeePerGas: QUANTITY, maxPriorityFeePerGas: QUANTITY },
  ),
)

/** Pending ones have null in the block's members. */
export const TRANSACTION = named(
  'Transaction',
  shape(
    {
      blockHash: nullable(HASH),
      blockNumber: nullable(QUANTITY),
      transactionIndex: nullable(QUANTITY),
      hash: HASH,
      from: ADDRESS,
      to: nullable(ADDRESS),
      nonce: QUANTITY,
      gas: QUANTITY,
      gasPrice: QUANTITY,
      value: QUANTITY,
      input: BYTES,
      type: { enum: ['0x0', '0x1', '0x2'] },
      v: QUANTITY,
      r: QUANTITY,
      s: QUANTITY,
    },
    {
      chainId: QUANTITY,
      yParity: QUANTITY,
      accessList: ACCESS_LIST,
      maxFeePerGas: QUANTITY,
      maxPriorityFeePerGas: QUANTITY,
    },
  ),
)

/** All but the transactions. */
export const BLOCK_MEMBERS = { ...headerMembers, size: QUANTITY, uncles: { type: 'array', maxItems: 0 } }

export const BLOCK = named(
  'Block',
  shape({ ...BLOCK_MEMBERS, transactions: { anyOf: [listOf(HASH), listOf(TRANSACTION)] } }),
)

export const LOG = named(
  'Log',
  shape({
    address: ADDRESS,
    topics: { type: 'array', items: WORD, maxItems: 4 },
    data: BYTES,
    blockHash: HASH,
    blockNumber: QUANTITY,
    transactionHash: HASH,
    transactionIndex: QUANTITY,
    logIndex: QUANTITY,
    removed: BOOLEAN,
  }),
)

export const RECEIPT_MEMBERS = {
  blockHash: HASH,
  blockNumber: QUANTITY,
  transactionHash: HASH,
  transactionIndex: QUANTITY,
  from: ADDRESS,
  to: nullable(ADDRESS),
  cumulativeGasUsed: QUANTITY,
  gasUsed: QUANTITY,
  effectiveGasPrice: QUANTITY,
  contractAddress: { type: 'null' },
  logs: listOf(LOG),
  logsBloom: BLOOM,
  status: { enum: ['0x0', '0x1'] },
  type: { enum: ['0x0', '0x1', '0x2'] },
}

export const RECEIPT = named('Receipt', shape(RECEIPT_MEMBERS))

export const ACCOUNT_PROOF = named(
  'AccountProof',
  shape({
    address: ADDRESS,
    accountProof: listOf(BYTES),
    balance: QUANTITY,
    codeHash: HASH,
    nonce: QUANTITY,
    storageHash: HASH,
    storageProof: listOf(shape({ key: TEXT, value: QUANTITY, proof: listOf(BYTES) })),
  }),
)

export const FEE_HISTORY = named(
  'FeeHistory',
  shape(
    {
      oldestBlock: QUANTITY,
      baseFeePerGas: listOf(QUANTITY),
      gasUsedRatio: listOf({ type: 'number', minimum: 0, maximum: 1 }),
    },
    { reward: listOf(listOf(QUANTITY)) },
  ),
)

/** `stages` as Erigon has them. */
export const SYNC_PROGRESS = named(
  'SyncProgress',
  shape({
    startingBlock: QUANTITY,
    currentBlock: QUANTITY,
    highestBlock: QUANTITY,
    stages: listOf(shape({ stage_name: TEXT, block_number: QUANTITY })),
  }),
)
