import { type MethodTable, method } from '../dispatch.ts'
import type { Filters } from '../filters.ts'
import { logQuery } from '../logs.ts'
import { text } from '../schema.ts'
import { BOOLEAN, HASH, LOG, listOf, QUANTITY } from '../shapes.ts'

/** `eth_`: asking for what has happened since one last asked. */
export function ethFilterMethods({ filters }: { readonly filters: Filters }): MethodTable {
  return {
    eth_newFilter: method({
      summary: 'Begins to collect logs; the id to ask for them by.',
      params: { query: logQuery },
      result: QUANTITY,
      handler: ({ query }, { client }) => filters.create(client, 'logs', query),
    }),
    eth_newBlockFilter: method({
      summary: 'Begins to collect hashes of new blocks; the id to ask for them by.',
      params: {},
      result: QUANTITY,
      handler: (_, { client }) => filters.create(client, 'blocks'),
    }),
    eth_newPendingTransactionFilter: method({
      summary: 'Begins to collect hashes of transactions that become pending; the id to ask for them by.',
      params: {},
      result: QUANTITY,
      handler: (_, { client }) => filters.create(client, 'pending'),
    }),
    eth_getFilterChanges: method({
      summary: 'What a filter has collected since it was last asked.',
      params: { id: text },
      result: { anyOf: [listOf(HASH), listOf(LOG)] },
      handler: ({ id }) => filters.changes(id),
    }),
    eth_uninstallFilter: method({
      summary: 'Ends a filter; whether there was one.',
      params: { id: text },
      result: BOOLEAN,
      handler: ({ id }) => filters.uninstall(id),
    }),
  }
}
