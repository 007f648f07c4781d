import type { Backends, BlockRef, ChainBackend } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { INVALID_PARAMS, RpcError, SERVER_ERROR } from '../errors.ts'
import type { Filters } from '../filters.ts'
import type { Json } from '../json.ts'
import { type LogQuery, logQuery } from '../logs.ts'
import { text } from '../schema.ts'
import { LOG, listOf } from '../shapes.ts'

/** `eth_`: logs that are there already. */
export function ethLogMethods(
  { chain }: Pick<Backends, 'chain'>,
  { filters }: { readonly filters: Pick<Filters, 'query'> },
): MethodTable {
  /** None, since only contract code writes logs and none runs here; but the question must make sense. */
  const logs = async (query: LogQuery): Promise<Json[]> => {
    await checkBlocks(chain, query)
    return []
  }

  return {
    eth_getLogs: method({
      summary: 'Logs that a query asks for: none, since only contract code writes logs and none runs here.',
      params: { query: logQuery },
      result: listOf(LOG),
      handler: ({ query }) => logs(query),
    }),
    eth_getFilterLogs: method({
      summary: 'All logs that a log filter asks for, whether its client has read them or not.',
      params: { id: text },
      result: listOf(LOG),
      handler: ({ id }) => logs(filters.query(id)),
    }),
  }
}

/**
 * Judges the blocks that a query names, as geth does.
 * @throws RpcError -32602 for a range that is none, -32000 for a block that is unknown.
 */
async function checkBlocks(chain: ChainBackend, { fromBlock, toBlock, blockHash }: LogQuery): Promise<void> {
  if (blockHash) {
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
