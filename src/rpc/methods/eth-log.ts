import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { checkRange, logFilter } from '../log-filter.ts'
import { LOG, listOf } from '../shapes.ts'

/** `eth_`: logs. */
export function ethLogMethods({ chain }: Pick<Backends, 'chain'>): MethodTable {
  return {
    eth_getLogs: method({
      summary: 'Logs that a filter lets through: none, since only contract code writes logs and none runs here.',
      params: { filter: logFilter },
      result: listOf(LOG),
      handler: async ({ filter }) => {
        await checkRange(chain, filter)
        return []
      },
    }),
  }
}
