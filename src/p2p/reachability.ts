/** libp2p's addresses of this node, as far as they are looked at here. */
interface AddressManager {
  getAddressesWithMetadata(): readonly { readonly type: string; readonly verified: boolean }[]
}

/** How others get to this node. */
export interface Reachability {
  /** Whether a router forwards a port to it, and that has been confirmed. */
  isMapped(): boolean
}

/** As one of libp2p's services: it tells its addresses to those alone. */
export function reachability({ addressManager }: { readonly addressManager: AddressManager }): Reachability {
  return {
    isMapped: () =>
      addressManager.getAddressesWithMetadata().some(({ type, verified }) => type === 'ip-mapping' && verified),
  }
}
