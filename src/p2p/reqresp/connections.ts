import type { Connection } from '@libp2p/interface'

/**
 * Finds the connection to ask a peer over: one that is open, a direct one rather than a relayed one.
 * @param host  libp2p's.
 */
export function connectionsOf(host: { getConnections(): Connection[] }): (peer: string) => Connection | undefined {
  return (peer) => {
    const open = host
      .getConnections()
      .filter(({ status, remotePeer }) => status === 'open' && remotePeer.toString() === peer)
    return open.find(({ limits }) => limits === undefined) ?? open[0]
  }
}
