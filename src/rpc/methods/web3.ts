import { keccak256 } from '../../crypto/keccak.ts'
import { toHex } from '../../primitives/bytes.ts'
import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { data } from '../schema.ts'
import { HASH, TEXT } from '../shapes.ts'

/** `web3_`: the program itself. */
export function web3Methods({ node }: Pick<Backends, 'node'>): MethodTable {
  return {
    web3_clientVersion: method({
      summary: 'Name, version, platform and runtime of the node.',
      params: {},
      result: TEXT,
      handler: () => node.clientVersion,
    }),
    web3_sha3: method({
      summary: 'keccak256 of the given bytes.',
      params: { data },
      result: HASH,
      handler: ({ data }) => toHex(keccak256(data)),
    }),
  }
}
