import type { MethodTable } from './dispatch.ts'

/** Whoever can ask may ask these. */
export const PUBLIC_NAMESPACES = ['eth', 'net', 'web3', 'txpool', 'debug', 'ots', 'erigon', 'idobata', 'rpc'] as const
/** These change the node, or cost it much: for its operator alone. */
export const PRIVILEGED_NAMESPACES = ['admin', 'miner'] as const
/** What a development network has besides. */
export const DEV_NAMESPACES = ['evm', 'anvil', 'hardhat'] as const

const PRIVILEGED: ReadonlySet<string> = new Set(PRIVILEGED_NAMESPACES)

export function isPrivileged(namespace: string): boolean {
  return PRIVILEGED.has(namespace)
}

/** The methods whose names begin with one of `namespaces`; the others do not exist for the caller. */
export function selectMethods(methods: MethodTable, namespaces: readonly string[]): MethodTable {
  const wanted = new Set(namespaces)
  return Object.fromEntries(Object.entries(methods).filter(([name]) => wanted.has(name.slice(0, name.indexOf('_')))))
}
