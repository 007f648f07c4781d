import type { Backends } from '../backend.ts'
import type { MethodTable } from '../dispatch.ts'
import { TipOracle } from '../fees.ts'
import { debugMethods } from './debug.ts'
import { erigonMethods } from './erigon.ts'
import { ethAccountMethods } from './eth-account.ts'
import { ethBlockMethods } from './eth-block.ts'
import { ethCallMethods } from './eth-call.ts'
import { ethFeeMethods } from './eth-fee.ts'
import { ethLogMethods } from './eth-log.ts'
import { ethStatusMethods } from './eth-status.ts'
import { ethTransactionMethods } from './eth-transaction.ts'
import { netMethods } from './net.ts'
import { otsMethods } from './ots.ts'
import { otsHistoryMethods } from './ots-history.ts'
import { withIntrospection } from './rpc.ts'
import { txpoolMethods } from './txpool.ts'
import { web3Methods } from './web3.ts'

/** Every method that the node serves. */
export function rpcMethods(backends: Backends): MethodTable {
  const oracle = new TipOracle(backends)
  const methods = {
    ...ethStatusMethods(backends),
    ...ethBlockMethods(backends),
    ...ethAccountMethods(backends),
    ...ethTransactionMethods(backends),
    ...ethCallMethods(backends, oracle),
    ...ethFeeMethods(backends, oracle),
    ...ethLogMethods(backends),
    ...txpoolMethods(backends),
    ...debugMethods(backends),
    ...otsMethods(backends),
    ...otsHistoryMethods(backends),
    ...erigonMethods(backends),
    ...netMethods(backends),
    ...web3Methods(backends),
  }
  return withIntrospection(methods, backends.node.clientVersion)
}
