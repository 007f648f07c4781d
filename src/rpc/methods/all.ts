import type { Backends } from '../backend.ts'
import type { MethodTable } from '../dispatch.ts'
import { TipOracle } from '../fees.ts'
import { transactionFiller } from '../fill-transaction.ts'
import type { Filters } from '../filters.ts'
import type { Subscriptions } from '../subscriptions.ts'
import { adminMethods } from './admin.ts'
import { debugMethods } from './debug.ts'
import { devMethods } from './dev.ts'
import { erigonMethods } from './erigon.ts'
import { ethAccountMethods } from './eth-account.ts'
import { ethBlockMethods } from './eth-block.ts'
import { ethCallMethods } from './eth-call.ts'
import { ethFeeMethods } from './eth-fee.ts'
import { ethFilterMethods } from './eth-filter.ts'
import { ethLogMethods } from './eth-log.ts'
import { ethStatusMethods } from './eth-status.ts'
import { ethSubscribeMethods } from './eth-subscribe.ts'
import { ethTransactionMethods } from './eth-transaction.ts'
import { idobataMethods } from './idobata.ts'
import { idobataHistoryMethods, idobataLightMethods, idobataSyncMethods } from './idobata-light.ts'
import { minerMethods } from './miner.ts'
import { netMethods } from './net.ts'
import { otsMethods } from './ots.ts'
import { otsHistoryMethods } from './ots-history.ts'
import { txpoolMethods } from './txpool.ts'
import { web3Methods } from './web3.ts'

/** What the methods share that lasts longer than a call. */
export interface EventServices {
  readonly subscriptions: Subscriptions
  readonly filters: Filters
}

/** Every method that the node has; which of them are served, and `rpc_` that tells so, is the server's business. */
export function rpcMethods(backends: Backends, services: EventServices): MethodTable {
  const oracle = new TipOracle(backends)
  const fill = transactionFiller(backends, oracle)
  return {
    ...ethStatusMethods(backends),
    ...ethBlockMethods(backends),
    ...ethAccountMethods(backends),
    ...ethTransactionMethods(backends),
    ...ethCallMethods(backends, fill),
    ...ethFeeMethods(backends, oracle),
    ...ethLogMethods(backends, services),
    ...txpoolMethods(backends),
    ...debugMethods(backends),
    ...otsMethods(backends),
    ...otsHistoryMethods(backends),
    ...erigonMethods(backends),
    ...ethFilterMethods(services),
    ...ethSubscribeMethods(services),
    ...netMethods(backends),
    ...web3Methods(backends),
    ...idobataSyncMethods(backends),
    ...(backends.light && idobataLightMethods(backends.light)),
    ...(backends.history && idobataHistoryMethods(backends, backends.history)),
    ...(backends.network && { ...idobataMethods(backends.network), ...adminMethods(backends, backends.network) }),
    ...(backends.miner && minerMethods(backends.miner)),
    ...(backends.dev && devMethods({ ...backends, dev: backends.dev }, fill)),
  }
}
