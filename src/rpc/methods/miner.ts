import { MAX_GAS_LIMIT, MIN_GAS_LIMIT } from '../../primitives/limits.ts'
import type { MinerBackend } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { INVALID_PARAMS, RpcError, SERVER_ERROR } from '../errors.ts'
import { address, count, optional, quantity } from '../schema.ts'

const NULL = { type: 'null' }
const DONE = { const: true }

/** `miner_`: for the operator of a node that makes blocks. geth's names and shapes. */
export function minerMethods(miner: MinerBackend): MethodTable {
  return {
    miner_start: method({
      summary: 'Goes on making blocks. The number of threads is the one the node was started with.',
      params: { threads: optional(count) },
      result: NULL,
      handler: () => {
        miner.start()
        return null
      },
    }),
    miner_stop: method({
      summary: 'Makes no more blocks until told to.',
      params: {},
      result: NULL,
      handler: async () => {
        await miner.stop()
        return null
      },
    }),
    miner_setEtherbase: method({
      summary: 'Account that rewards and tips of new blocks go to.',
      params: { address },
      result: DONE,
      handler: ({ address }) => {
        if (!miner.setEtherbase(address)) {
          throw new RpcError(
            SERVER_ERROR,
            'etherbase cannot be set: on this network tips go to the signer of the block',
          )
        }
        return true
      },
    }),
    miner_setGasLimit: method({
      summary: 'Gas that new blocks steer towards, within what the network allows.',
      params: { gasLimit: quantity },
      result: DONE,
      handler: ({ gasLimit }) => {
        if (gasLimit < MIN_GAS_LIMIT || gasLimit > MAX_GAS_LIMIT) {
          throw new RpcError(INVALID_PARAMS, `gasLimit: must be from ${MIN_GAS_LIMIT} to ${MAX_GAS_LIMIT}`)
        }
        miner.setGasLimit(gasLimit)
        return true
      },
    }),
  }
}
