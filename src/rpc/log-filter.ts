import type { BlockRef, ChainBackend } from './backend.ts'
import { INVALID_PARAMS, RpcError, SERVER_ERROR } from './errors.ts'
import { MAX_LOG_ALTERNATIVES, MAX_LOG_TOPICS } from './limits.ts'
import {
  address,
  arrayOf,
  blockNumber,
  hash32,
  object,
  oneOrMany,
  optional,
  orNull,
  type ParamValue,
} from './schema.ts'

const topic = orNull(oneOrMany(orNull(hash32), MAX_LOG_ALTERNATIVES))

/** Which logs: of blocks from and to, or of one block; by address and by topics, null standing for any. */
export const logFilter = object({
  fromBlock: optional(blockNumber),
  toBlock: optional(blockNumber),
  blockHash: optional(hash32),
  address: optional(oneOrMany(address, MAX_LOG_ALTERNATIVES), []),
  topics: optional(arrayOf(topic, MAX_LOG_TOPICS), []),
})

export type LogFilter = ParamValue<typeof logFilter>

/**
 * Judges the blocks that a filter names, as geth does.
 * @throws RpcError -32602 for a range that is none, -32000 for a block that is unknown.
 */
export async function checkRange(chain: ChainBackend, filter: LogFilter): Promise<void> {
  const { fromBlock, toBlock, blockHash } = filter
  if (blockHash) {
    if (fromBlock || toBlock) {
      throw badRange('cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other')
    }
    if (!(await chain.header({ hash: blockHash }))) throw new RpcError(SERVER_ERROR, 'unknown block')
    return
  }
  const head = (await chain.head()).header.number
  const first = await numberOf(chain, fromBlock, head)
  const last = await numberOf(chain, toBlock, head)
  if (first > last) throw badRange('invalid block range params')
  if (last > head) throw badRange('block range extends beyond current head block')
}

async function numberOf(chain: ChainBackend, ref: BlockRef | undefined, head: number): Promise<number> {
  if (!ref) return head
  if ('number' in ref) return ref.number
  if ('tag' in ref && ref.tag === 'pending') throw badRange('pending logs are not supported')
  return (await chain.header(ref))?.header.number ?? head
}

function badRange(message: string): RpcError {
  return new RpcError(INVALID_PARAMS, message)
}
