import type { Multiaddr } from '@multiformats/multiaddr'

/** libp2p's addresses of this node, as far as they matter here. */
interface AddressManager {
  getAddressesWithMetadata(): readonly {
    readonly multiaddr: Multiaddr
    readonly type: string
    readonly verified: boolean
  }[]
  confirmObservedAddr(multiaddr: Multiaddr, options: { readonly type: 'transport' }): void
}

/** How others get to this node. */
export interface Reachability {
  /**
   * To be called once it listens: public addresses of the machine's own interfaces are told of from now on. libp2p tells nobody of
   * them before four peers have tried them, and a young network has no four; where AutoNAT finds later that one cannot be called, it goes.
   */
  trustInterfaces(): void
  /** Whether a router forwards a port to it, and that has been confirmed. */
  isMapped(): boolean
}

/** As one of libp2p's services: it tells its addresses to those alone. */
export function reachability({ addressManager }: { readonly addressManager: AddressManager }): Reachability {
  return {
    trustInterfaces() {
      for (const { multiaddr, type, verified } of addressManager.getAddressesWithMetadata()) {
        if (type === 'transport' && !verified) addressManager.confirmObservedAddr(multiaddr, { type })
      }
    },
    isMapped: () =>
      addressManager.getAddressesWithMetadata().some(({ type, verified }) => type === 'ip-mapping' && verified),
  }
}
