import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { encodeHeader } from '../encode.ts'
import { looseBlockNumber } from '../schema.ts'
import { HEADER, nullable } from '../shapes.ts'

/** `erigon_`: what Otterscan asks for outside of its own namespace. */
export function erigonMethods({ chain }: Pick<Backends, 'chain'>): MethodTable {
  return {
    erigon_getHeaderByNumber: method({
      summary: 'The header of a canonical block; null if there is none.',
      params: { block: looseBlockNumber },
      result: nullable(HEADER),
      handler: async ({ block }) => {
        const header = await chain.header(block)
        return header ? encodeHeader(header) : null
      },
    }),
  }
}
