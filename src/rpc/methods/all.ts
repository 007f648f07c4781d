import type { Backends } from '../backend.ts'
import type { MethodTable } from '../dispatch.ts'
import { devMethods } from './dev.ts'
import { ethAccountMethods } from './eth-account.ts'
import { ethBlockMethods } from './eth-block.ts'
import { ethFeeMethods } from './eth-fee.ts'
import { ethStatusMethods } from './eth-status.ts'
import { ethTransactionMethods } from './eth-transaction.ts'
import { minerMethods } from './miner.ts'
import { netMethods } from './net.ts'
import { web3Methods } from './web3.ts'

/** Every method that the node serves. */
export function rpcMethods(backends: Backends): MethodTable {
  return {
    ...ethStatusMethods(backends),
    ...ethBlockMethods(backends),
    ...ethAccountMethods(backends),
    ...ethTransactionMethods(backends),
    ...ethFeeMethods(backends),
    ...netMethods(backends),
    ...web3Methods(backends),
    ...(backends.miner && minerMethods(backends.miner)),
    ...(backends.dev && devMethods({ ...backends, dev: backends.dev })),
  }
}
