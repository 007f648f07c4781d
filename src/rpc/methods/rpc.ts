import { type MethodTable, method } from '../dispatch.ts'
import type { JsonObject } from '../json.ts'
import { openRpcDocument } from '../openrpc.ts'
import { mapOf, TEXT } from '../shapes.ts'

/** `rpc_`: what is served, itself included. `version` is the program's. */
export function withIntrospection(methods: MethodTable, version: string): MethodTable {
  /** Built when it is first asked for: the table does not change. */
  let document: JsonObject | undefined
  const table: MethodTable = {
    ...methods,
    rpc_modules: method({
      summary: 'Namespaces that are served, each with its version.',
      params: {},
      result: mapOf(TEXT),
      handler: () => Object.fromEntries(Object.keys(table).map((name) => [name.split('_')[0]!, '1.0'])),
    }),
    rpc_discover: method({
      summary: 'This interface as an OpenRPC document.',
      params: {},
      result: { type: 'object', required: ['openrpc', 'info', 'methods', 'components'] },
      handler: () => {
        document ??= openRpcDocument(table, version)
        return document
      },
    }),
  }
  return table
}
