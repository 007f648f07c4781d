import { EMPTY_ACCOUNT } from '../../primitives/account.ts'
import { equalBytes, toHex } from '../../primitives/bytes.ts'
import { MAX_DEV_TIMESTAMP, MAX_OVERRIDE_BALANCE, MAX_OVERRIDE_NONCE } from '../../primitives/limits.ts'
import type { Backends, DevBackend } from '../backend.ts'
import { callObject } from '../call.ts'
import { type Method, type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import { INVALID_PARAMS, limitExceeded, RpcError } from '../errors.ts'
import type { FillTransaction } from '../fill-transaction.ts'
import { MAX_MINED_BLOCKS, MAX_MINING_INTERVAL_MS } from '../limits.ts'
import { address, amount, anything, boolean, count, hash32, object, optional, type ParamType } from '../schema.ts'
import { ADDRESS, BOOLEAN, HASH, listOf, QUANTITY, shape, TEXT } from '../shapes.ts'

const NULL = { type: 'null' }
const DONE = { const: true }

/** From here on `evm_setIntervalMining` takes a number for milliseconds. */
const LEAST_MILLISECONDS = 1_000

/** What to mine: a timestamp, or `{ blocks, timestamp }`. */
const mineOptions: ParamType<{ readonly blocks: number; readonly timestamp: number | undefined }> = (() => {
  const options = object({ blocks: optional(count, 1), timestamp: optional(count) })
  return {
    schema: { title: 'timestamp or options', oneOf: [count.schema, options.schema] },
    parse: (value) => (typeof value === 'object' ? options.parse(value) : { blocks: 1, timestamp: count.parse(value) }),
    absent: { value: { blocks: 1, timestamp: undefined } },
  }
})()

/** What there is to fork from would be named here. */
const resetOptions = optional(object({ forking: optional(object({ jsonRpcUrl: optional(anything) })) }))

/** `evm_`, `anvil_` and `hardhat_`: what a development network lets its user do, by the names of Hardhat and Foundry. */
export function devMethods(
  { chain, pool, node, dev }: Backends & { readonly dev: DevBackend },
  fill: FillTransaction,
): MethodTable {
  const mine = async (blocks: number, intervalSec: number, timestamp?: number) => {
    if (blocks > MAX_MINED_BLOCKS) {
      throw limitExceeded(`${blocks} blocks, limit ${MAX_MINED_BLOCKS}`, MAX_MINED_BLOCKS)
    }
    const { timestamp: head } = (await chain.head()).header
    if ((timestamp ?? head) + blocks * intervalSec > MAX_DEV_TIMESTAMP) throw tooLate()
    if (timestamp !== undefined) await afterHead(timestamp)
    await dev.mine({ blocks, intervalSec, timestamp })
  }
  const afterHead = async (timestamp: number) => {
    if (timestamp > MAX_DEV_TIMESTAMP) throw tooLate()
    const head = (await chain.head()).header.timestamp
    if (timestamp <= head) {
      throw new RpcError(
        INVALID_PARAMS,
        `Timestamp ${timestamp} is lower than or equal to previous block's timestamp ${head}`,
      )
    }
  }
  const everyMs = (intervalMs: number) => {
    if (intervalMs > MAX_MINING_INTERVAL_MS) {
      throw new RpcError(INVALID_PARAMS, `interval: more than ${MAX_MINING_INTERVAL_MS} milliseconds`)
    }
    dev.setIntervalMining(intervalMs)
  }
  const account = async (address: Uint8Array) => {
    const head = await chain.head()
    return (await chain.account(address, head)) ?? EMPTY_ACCOUNT
  }

  let lastSent: Promise<unknown> = Promise.resolve()

  return {
    eth_accounts: method({
      summary: 'The ten accounts that the node signs for.',
      params: {},
      result: listOf(ADDRESS),
      handler: () => dev.accounts().map(toHex),
    }),
    eth_sendTransaction: method({
      summary: 'Completes a transaction, signs it for one of the ten accounts and sends it; its hash.',
      params: { transaction: callObject },
      result: HASH,
      handler: async ({ transaction }) => {
        const { from } = transaction
        if (!from || !dev.accounts().some((address) => equalBytes(address, from))) {
          throw new RpcError(INVALID_PARAMS, `unknown account ${from ? toHex(from) : '(from is missing)'}`)
        }
        // One after the other: two at once would be given one nonce.
        const sent = lastSent.then(async () => pool.submit(dev.sign(from, await fill(transaction))))
        lastSent = sent.catch(() => undefined)
        return toHex(await sent)
      },
    }),
    evm_mine: method({
      summary: 'Makes blocks with what is pending; the first at a timestamp, if given.',
      params: { options: mineOptions },
      result: { const: '0x0' },
      handler: async ({ options: { blocks, timestamp } }) => {
        await mine(blocks, 0, timestamp)
        return '0x0'
      },
    }),
    ...named(
      ['hardhat_mine', 'anvil_mine'],
      method({
        summary: 'Makes so many blocks, so many seconds apart.',
        params: { blocks: optional(count, 1), interval: optional(count, 0) },
        result: DONE,
        handler: async ({ blocks, interval }) => {
          await mine(blocks, interval)
          return true
        },
      }),
    ),
    ...named(
      ['evm_setAutomine', 'anvil_setAutomine'],
      method({
        summary: 'Whether every transaction gets a block of its own at once.',
        params: { enabled: boolean },
        result: DONE,
        handler: async ({ enabled }) => {
          await dev.setAutomine(enabled)
          return true
        },
      }),
    ),
    ...named(
      ['hardhat_getAutomine', 'anvil_getAutomine'],
      method({
        summary: 'Whether every transaction gets a block of its own at once.',
        params: {},
        result: BOOLEAN,
        handler: () => dev.automine(),
      }),
    ),
    evm_setIntervalMining: method({
      summary:
        'A block every so often, 0: no more. Both units that clients send under this name: below 1000 seconds, as Foundry; from 1000 on milliseconds, as Hardhat.',
      params: { interval: count },
      result: DONE,
      handler: ({ interval }) => {
        everyMs(interval < LEAST_MILLISECONDS ? interval * 1_000 : interval)
        return true
      },
    }),
    anvil_setIntervalMining: method({
      summary: 'A block every so many seconds, 0: no more.',
      params: { interval: count },
      result: DONE,
      handler: ({ interval }) => {
        everyMs(interval * 1_000)
        return true
      },
    }),
    ...named(
      ['evm_increaseTime', 'anvil_increaseTime'],
      method({
        summary: 'Moves the time of later blocks; the seconds by which it is ahead of the machine then.',
        params: { seconds: count },
        result: { type: 'integer' },
        handler: ({ seconds }) => {
          const ahead = dev.increaseTime(seconds)
          if (ahead === undefined) throw tooLate()
          return ahead
        },
      }),
    ),
    ...named(
      ['evm_setNextBlockTimestamp', 'anvil_setNextBlockTimestamp'],
      method({
        summary: 'The next block’s timestamp; time goes on from there.',
        params: { timestamp: count },
        result: NULL,
        handler: async ({ timestamp }) => {
          await afterHead(timestamp)
          dev.setNextBlockTimestamp(timestamp)
          return null
        },
      }),
    ),
    ...named(
      ['evm_snapshot', 'anvil_snapshot'],
      method({
        summary: 'Remembers chain, pool and time; the id to go back with.',
        params: {},
        result: QUANTITY,
        handler: async () => quantity(await dev.snapshot()),
      }),
    ),
    ...named(
      ['evm_revert', 'anvil_revert'],
      method({
        summary: 'Goes back to a snapshot, which is used up with all later ones. false: there is none of that id.',
        params: { id: count },
        result: BOOLEAN,
        alone: true,
        handler: ({ id }) => dev.revert(id),
      }),
    ),
    ...named(
      ['hardhat_reset', 'anvil_reset'],
      method({
        summary: 'Goes back to genesis. Forking another network is not supported.',
        params: { options: resetOptions },
        result: DONE,
        alone: true,
        handler: async ({ options }) => {
          if (options?.forking?.jsonRpcUrl !== undefined) throw new RpcError(INVALID_PARAMS, 'forking is not supported')
          await dev.reset()
          return true
        },
      }),
    ),
    ...named(
      ['hardhat_setBalance', 'anvil_setBalance'],
      method({
        summary: 'Makes a block that sets the balance of an account, in wei.',
        params: { address, balance: amount },
        result: DONE,
        handler: async ({ address, balance }) => {
          if (balance >= MAX_OVERRIDE_BALANCE) throw new RpcError(INVALID_PARAMS, 'balance: must be below 2^224')
          await dev.override({ address, field: 'balance', value: balance })
          return true
        },
      }),
    ),
    ...named(
      ['hardhat_setNonce', 'anvil_setNonce'],
      method({
        summary: 'Makes a block that sets the nonce of an account; it may only grow.',
        params: { address, nonce: amount },
        result: DONE,
        handler: async ({ address, nonce }) => {
          if (nonce >= MAX_OVERRIDE_NONCE) throw new RpcError(INVALID_PARAMS, 'nonce: must be below 2^63')
          const { nonce: current } = await account(address)
          if (nonce < current) {
            throw new RpcError(
              INVALID_PARAMS,
              `New nonce (${nonce}) must not be smaller than the existing nonce (${current})`,
            )
          }
          await dev.override({ address, field: 'nonce', value: nonce })
          return true
        },
      }),
    ),
    ...named(
      ['hardhat_dropTransaction', 'anvil_dropTransaction'],
      method({
        summary: 'Takes a transaction out of the pool; whether it was there.',
        params: { hash: hash32 },
        result: BOOLEAN,
        handler: ({ hash }) => dev.dropTransaction(hash),
      }),
    ),
    ...named(
      ['hardhat_metadata', 'anvil_metadata'],
      method({
        summary: 'Which node this is, and its head.',
        params: {},
        result: shape({
          clientVersion: TEXT,
          chainId: { type: 'integer' },
          latestBlockNumber: { type: 'integer' },
          latestBlockHash: HASH,
        }),
        handler: async () => {
          const { hash, header } = await chain.head()
          return {
            clientVersion: node.clientVersion,
            chainId: Number(chain.chainId),
            latestBlockNumber: header.number,
            latestBlockHash: toHex(hash),
          }
        },
      }),
    ),
  }
}

function tooLate(): RpcError {
  return new RpcError(INVALID_PARAMS, `time would be past ${MAX_DEV_TIMESTAMP}`)
}

function named(names: readonly string[], definition: Method): MethodTable {
  return Object.fromEntries(names.map((name) => [name, definition]))
}
