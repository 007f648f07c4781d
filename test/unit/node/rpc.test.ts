import { afterAll, beforeAll, expect, test } from 'vitest'

import { type LogFacts, silentLogger } from '../../../src/node/logger.ts'
import { createRpc } from '../../../src/node/rpc.ts'
import { systemClock } from '../../../src/node/system.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { type RpcLedger, rpcLedger } from '../../support/rpc-ledger.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

let testChain: TestChain
let ledger: RpcLedger

beforeAll(async () => {
  testChain = await openTestChain({ genesis: testGenesis() }, londonEngine)
  ledger = await rpcLedger(testChain, londonEngine)
})
afterAll(async () => {
  await ledger.stop()
  await testChain.remove()
})

test('a failure of the node itself is logged with its stack, and its caller told nothing of it', async () => {
  const logged: [string, LogFacts | undefined][] = []
  const { backends } = ledger
  const peerCount = () => {
    throw new TypeError('a bug')
  }
  const rpc = createRpc(undefined, {
    events: { subscribe: () => () => {}, stop: () => {} },
    backends: { ...backends, node: { ...backends.node, peerCount } },
    network: undefined,
    health: () => expect.fail('nobody asks'),
    clock: systemClock,
    logger: { ...silentLogger, error: (message, facts) => logged.push([message, facts]) },
  })
  const answer = await rpc.answer('{"jsonrpc":"2.0","id":1,"method":"net_peerCount"}')
  await rpc.stop()
  expect(JSON.parse(answer!)).toEqual({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'internal error' } })
  expect(logged).toEqual([['net_peerCount: a bug', { stack: expect.stringContaining('rpc.test.ts') }]])
})
