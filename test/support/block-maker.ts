import type { Chain } from '../../src/chain/chain.ts'
import { nextBaseFee } from '../../src/chain/header-rules.ts'
import { transactionsRoot } from '../../src/chain/transactions-root.ts'
import type { Engine } from '../../src/consensus/engine.ts'
import { hashBlock } from '../../src/crypto/hashes.ts'
import { type Block, blockLength, encodeTransactions } from '../../src/primitives/block.ts'
import { fromKey } from '../../src/primitives/bytes.ts'
import { BlockError, TxError } from '../../src/primitives/errors.ts'
import type { HashedHeader, Header } from '../../src/primitives/header.ts'
import type { Transaction } from '../../src/primitives/transaction.ts'
import { headerWith } from './header-chain.ts'
import { recoverHere } from './test-chain.ts'

const unhurried = { pause: () => undefined }
/** Who mines when nobody is named. */
export const TEST_MINER = new Uint8Array(20).fill(0xaa)

export interface NewBlock {
  readonly transactions?: readonly Transaction[]
  /** After the parent's timestamp; 10 unless told. */
  readonly seconds?: number
  readonly miner?: Uint8Array
  readonly gasLimit?: bigint
}

/**
 * A sealed child of a block whose state `chain` holds, not imported.
 * @throws TxError if a transaction cannot stand in it.
 */
export async function makeBlock(
  chain: Chain,
  engine: Engine,
  parent: HashedHeader,
  { transactions = [], seconds = 10, miner = TEST_MINER, gasLimit = parent.header.gasLimit }: NewBlock = {},
): Promise<Block> {
  const ancestry = chain.ancestry(parent.hash)
  if (ancestry === undefined) throw new Error('the parent is unknown')
  const timestamp = parent.header.timestamp + seconds
  const header = headerWith({
    parentHash: parent.hash,
    number: parent.header.number + 1,
    timestamp,
    miner: engine.requiredMiner ?? miner,
    gasLimit,
    baseFeePerGas: nextBaseFee(parent.header),
    ...engine.prepare(parent.header, timestamp, ancestry),
  })
  const offered = [await recoverHere(transactions)].map((results) => results.map(orThrow))
  const { block } = await chain.build(header, {
    next: () => offered.shift() ?? [],
    taken: () => undefined,
    refused: (_, reason) => {
      throw reason
    },
  })
  return sealed(chain, engine, parent, block)
}

function orThrow<Result>(result: Result | TxError): Result {
  if (result instanceof TxError) throw result
  return result
}

/** The block under a seal of `engine`, whatever else its header says. */
export async function sealed(chain: Chain, engine: Engine, parent: HashedHeader, block: Block): Promise<Block> {
  const ancestry = chain.ancestry(parent.hash)!
  const header = await engine.seal(block.header, parent.header, ancestry, new AbortController().signal)
  if (header === undefined) throw new Error('the engine did not seal')
  return hashBlock({ ...block, header })
}

/** `block` with other header fields, under the hash that it then has. */
export function withHeader(block: Block, changes: Partial<Header>): Block {
  const header = { ...block.header, ...changes }
  return hashBlock({ ...block, header, sizeBytes: blockLength(header, block.body) })
}

/** `block` with other transactions and their root; what follows from running them is as before. */
export async function withTransactions(block: Block, transactions: readonly Transaction[]): Promise<Block> {
  const body = encodeTransactions(transactions)
  const root = fromKey(await transactionsRoot(transactions, unhurried))
  return withHeader({ ...block, transactions, body }, { transactionsRoot: root })
}

/** What became of a block: the outcome, or the code of its refusal, with the transaction's behind a slash. */
export async function verdict(chain: Chain, block: Block): Promise<string> {
  try {
    return await chain.import(block)
  } catch (error) {
    if (!(error instanceof BlockError)) throw error
    return error.code === 'bad-transaction' ? `${error.code}/${error.facts.tx}` : error.code
  }
}
