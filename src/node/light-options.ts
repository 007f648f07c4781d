/** Peers that a light node keeps: enough that one of them is honest, few enough that full nodes have room for all. */
export const DEFAULT_LIGHT_PEERS = 8
/** Peers that must have a block before it is answered from: one alone could show a block that nobody can execute. */
export const DEFAULT_VOUCHERS = 2
