/** The public API: what a program that embeds a node may use. Anything else may change without notice. */
export { type Genesis, GenesisError, parseGenesis } from './chain/genesis.ts'
export { createFullNode, type FullNode, type FullNodeComponents, type FullNodeOptions } from './node/full.ts'
export type { Logger } from './node/logger.ts'
export type { MiningOptions } from './node/mining.ts'
export type { NodeStatus } from './node/status.ts'
