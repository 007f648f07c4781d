import type { Connection, PeerId } from '@libp2p/interface'

/** Opens gossipsub's stream to a peer unless there is one; settles when that is done or has failed, and never rejects. */
export type OpenStream = (peerId: PeerId, connection: Connection) => Promise<void>

/**
 * Gossipsub opens streams one after another, each with the whole time that negotiation may take: those who stay silent hold up all
 * behind them. This opens one to each peer without waiting for the others', and one at a time to the same peer, where the
 * connection asked for last is tried next.
 */
export function openSideBySide(open: OpenStream): OpenStream {
  /** Peers that a stream is being opened to, with the connection to try next. */
  const opening = new Map<string, Connection | undefined>()
  const run = async (id: string, peerId: PeerId, first: Connection) => {
    for (let next: Connection | undefined = first; next !== undefined; next = opening.get(id)) {
      opening.set(id, undefined)
      await open(peerId, next)
    }
    opening.delete(id)
  }
  return async (peerId, connection) => {
    const id = peerId.toString()
    if (opening.has(id)) opening.set(id, connection)
    else void run(id, peerId, connection)
  }
}
