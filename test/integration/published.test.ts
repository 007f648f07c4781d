import { rmSync } from 'node:fs'
import { Ajv } from 'ajv'
import { Wallet } from 'ethers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json, JsonObject } from '../../src/rpc/json.ts'
import { NodeProcess } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'
import { type CallFacts, callsOf } from '../unit/rpc/method-calls.ts'

/** Every method that a node process serves, its development methods included, against the document it publishes. */

const wallet = new Wallet('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const from = wallet.address.toLowerCase()
const to = `0x${'0b'.repeat(20)}`
const NOTHING = `0x${'77'.repeat(32)}`
/** Of nobody, at a port where nobody listens. */
const PEER = '/ip4/127.0.0.1/tcp/9/p2p/12D3KooWPRBw2Bh9HeFUEmVphwrfaCdHGJjLeVfRWDsbEHjcM7M4'
const NAMESPACES = 'eth,net,web3,txpool,debug,ots,erigon,idobata,rpc,evm,anvil,hardhat,miner,admin'
/** They need a connection that can be told things. */
const ON_WEBSOCKET_ALONE = ['eth_subscribe', 'eth_unsubscribe']

let directory: string
let node: NodeProcess
let url: string

beforeAll(async () => {
  directory = temporaryDirectory()
  const peers = ['--p2p', '--port', '0', '--p2p.addr', '127.0.0.1', '--p2p.transports', 'tcp', '--nodiscover']
  const rpc = ['--http.port', '0', '--http.api', NAMESPACES]
  node = new NodeProcess(['start', '--dev', '--datadir', directory, ...peers, ...rpc])
  url = await node.rpcUrl()
})

afterAll(async () => {
  await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

interface Answer {
  readonly result?: Json
  readonly error?: { readonly code: number; readonly message: string }
}

async function ask(method: string, params: readonly Json[]): Promise<Answer> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return (await response.json()) as Answer
}

async function transfer(nonce: number, maxFeePerGas = 10n ** 10n): Promise<string> {
  return wallet.signTransaction({
    type: 2,
    chainId: 31_337,
    nonce,
    to,
    value: 1n,
    gasLimit: 21_000,
    maxFeePerGas,
    maxPriorityFeePerGas: 10n ** 9n,
  })
}

/** A chain of one block, a transaction that waits for one before it, and one not sent. */
async function furnish(): Promise<CallFacts> {
  const sent = await ask('eth_sendRawTransaction', [await transfer(0)])
  await expect.poll(async () => (await ask('eth_blockNumber', [])).result).toBe('0x1')
  const queued = await ask('eth_sendRawTransaction', [await transfer(5)])
  const { hash } = (await ask('eth_getBlockByNumber', ['0x1', false])).result as { hash: string }
  return {
    from,
    to,
    contract: `0x${'0d'.repeat(20)}`,
    blockHash: hash,
    sideHash: NOTHING,
    mined: [sent.result as string],
    pending: queued.result as string,
    unsent: await transfer(1),
  }
}

/** In this order: what goes back in time comes last. */
const OPERATOR_CALLS: Readonly<Record<string, readonly Json[][]>> = {
  idobata_peers: [[]],
  idobata_propagation: [[NOTHING]],
  idobata_propagationStats: [[]],
  admin_nodeInfo: [[]],
  admin_peers: [[]],
  admin_addPeer: [[PEER]],
  admin_removePeer: [[PEER]],
  admin_ban: [['127.0.0.9'], ['127.0.0.9', 5]],
  admin_bans: [[]],
  admin_unban: [['127.0.0.9'], ['127.0.0.8']],
  eth_sendTransaction: [[{ from, to, value: '0x1' }]],
  evm_mine: [[], [{ blocks: 2 }]],
  hardhat_mine: [['0x2', '0x3']],
  anvil_mine: [[1]],
  evm_setAutomine: [[true]],
  anvil_setAutomine: [[true]],
  hardhat_getAutomine: [[]],
  anvil_getAutomine: [[]],
  evm_setIntervalMining: [[0]],
  anvil_setIntervalMining: [[0]],
  evm_increaseTime: [[10]],
  anvil_increaseTime: [[10]],
  evm_setNextBlockTimestamp: [[4_000_000_000]],
  anvil_setNextBlockTimestamp: [[4_000_000_001]],
  hardhat_setBalance: [[to, '0x64']],
  anvil_setBalance: [[to, '0x65']],
  hardhat_setNonce: [[to, '0x1']],
  anvil_setNonce: [[to, '0x2']],
  hardhat_dropTransaction: [[NOTHING]],
  anvil_dropTransaction: [[NOTHING]],
  hardhat_metadata: [[]],
  anvil_metadata: [[]],
  miner_stop: [[]],
  miner_start: [[], [1]],
  miner_setEtherbase: [[from]],
  miner_setGasLimit: [['0x1c9c380']],
  evm_snapshot: [[]],
  anvil_snapshot: [[]],
  evm_revert: [['0x2'], ['0x99']],
  anvil_revert: [['0x1']],
  hardhat_reset: [[]],
  anvil_reset: [[]],
  idobata_waitUntilSynced: [[], [0]],
}

test('every answer is as published, and every method is called', async () => {
  const published = (await ask('rpc_discover', [])).result as unknown as {
    readonly methods: readonly { readonly name: string; readonly result: { readonly schema: JsonObject } }[]
    readonly components: JsonObject
  }
  const filter = (await ask('eth_newFilter', [{}])).result!
  const ofFilter = { eth_getFilterChanges: [[filter]], eth_getFilterLogs: [[filter]], eth_uninstallFilter: [[filter]] }
  // A development network is alone: what tells of peers is not there, and answers from fakes in the unit test.
  const alone = Object.entries(callsOf(await furnish())).filter(([name]) => !/^(idobata|admin)_/.test(name))
  const calls = { ...Object.fromEntries(alone), ...ofFilter, ...OPERATOR_CALLS }
  const served = published.methods.map(({ name }) => name)
  expect(Object.keys(calls).filter((name) => !served.includes(name))).toEqual([])
  expect(served.filter((name) => !(name in calls))).toEqual([])

  const ajv = new Ajv()
  ajv.addKeyword('components')
  const schemas = new Map(published.methods.map(({ name, result }) => [name, result.schema]))
  const unanswered: string[] = []
  for (const [name, paramLists] of Object.entries(calls)) {
    const validate = ajv.compile({ ...schemas.get(name)!, components: published.components })
    let answers = 0
    for (const params of paramLists) {
      const { result, error } = await ask(name, params)
      expect(error?.code, `${name} ${JSON.stringify(params)}: ${error?.message}`).not.toBe(-32603)
      if (error) continue
      answers++
      const context = `${name} ${JSON.stringify(params)} -> ${JSON.stringify(result)}: ${JSON.stringify(validate.errors)}`
      expect(validate(result), context).toBe(true)
    }
    if (answers === 0) unanswered.push(name)
  }
  // Tips go to the signer of a block here, whoever the operator would rather pay.
  expect(unanswered).toEqual([...ON_WEBSOCKET_ALONE, 'miner_setEtherbase'])
})
