import type { Backends } from '../backend.ts'
import type { MethodTable } from '../dispatch.ts'
import type { Filters } from '../filters.ts'
import type { Subscriptions } from '../subscriptions.ts'
import { ethAccountMethods } from './eth-account.ts'
import { ethBlockMethods } from './eth-block.ts'
import { ethFeeMethods } from './eth-fee.ts'
import { ethFilterMethods } from './eth-filter.ts'
import { ethStatusMethods } from './eth-status.ts'
import { ethSubscribeMethods } from './eth-subscribe.ts'
import { ethTransactionMethods } from './eth-transaction.ts'
import { netMethods } from './net.ts'
import { web3Methods } from './web3.ts'

/** What the methods share that lasts longer than a call. */
export interface EventServices {
  readonly subscriptions: Subscriptions
  readonly filters: Filters
}

/** Every method that the node serves. */
export function rpcMethods(backends: Backends, services: EventServices): MethodTable {
  return {
    ...ethStatusMethods(backends),
    ...ethBlockMethods(backends),
    ...ethAccountMethods(backends),
    ...ethTransactionMethods(backends),
    ...ethFeeMethods(backends),
    ...ethFilterMethods(services),
    ...ethSubscribeMethods(services),
    ...netMethods(backends),
    ...web3Methods(backends),
  }
}
