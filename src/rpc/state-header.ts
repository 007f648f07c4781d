import { equalBytes } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import type { ChainBackend, ChainHeader } from './backend.ts'
import { RpcError, SERVER_ERROR } from './errors.ts'
import { type Eventually, whenThere } from './eventually.ts'
import type { StateRef } from './schema.ts'

/**
 * The header whose state is asked for.
 * @throws StateUnavailableError if there is no such block: what is not held is never answered with an empty value;
 *   RpcError -32000 if it must be canonical and is not.
 */
export function stateHeader(chain: ChainBackend, ref: StateRef): Eventually<ChainHeader> {
  return whenThere(chain.header(ref), (header) => {
    if (!header) throw new StateUnavailableError()
    if (!ref.requireCanonical) return header
    return whenThere(chain.header({ number: header.header.number }), (canonical) => {
      if (canonical && equalBytes(canonical.hash, header.hash)) return header
      throw new RpcError(SERVER_ERROR, 'hash is not currently canonical')
    })
  })
}
