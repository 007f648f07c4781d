import { limitExceeded } from '../rpc/errors.ts'
import type { HistoryBackend } from '../rpc/light.ts'
import type { Ledger } from './ledger.ts'
import { createPacer, monotonicMs } from './system.ts'

/**
 * A full node's history as RPC wants to see it: made as for light nodes, in a share of the time of its own.
 * @returns undefined where headers prove no work, so that there is nothing to prove.
 */
export function historyBackend({ chain, engine }: Pick<Ledger, 'chain' | 'engine'>): HistoryBackend | undefined {
  if (engine.name !== 'pow') return undefined
  // By the first who asks: to have it at hand would be a tenth of the time that a start takes.
  const load = async () => {
    const { lightBackend } = await import('./light-backend.ts')
    const { Refused } = await import('../p2p/reqresp/served-protocol.ts')
    return { light: lightBackend({ chain, provesWork: true, pacer: createPacer(), monotonicMs }), Refused }
  }
  let loading: ReturnType<typeof load> | undefined
  return {
    async prove(anchorHash, tipHash) {
      loading ??= load()
      const { light, Refused } = await loading
      try {
        return await light.history({ anchorHash, tipHash })
      } catch (error) {
        if (error instanceof Refused) throw limitExceeded(`proofs are made one after another: ${error.message}`)
        throw error
      }
    },
  }
}
