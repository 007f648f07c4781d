import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createFullNode, type FullNode, parseGenesis } from '../../src/index.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** `miner_` on a node whose blocks take a few hashes, and on one that a signer seals. */

const ETHERBASE = `0x${'0b'.repeat(20)}`
const OTHER = `0x${'0c'.repeat(20)}`
const START_GAS = 10_000_000

let directory: string
let node: FullNode
beforeEach(() => {
  directory = temporaryDirectory()
})
afterEach(async () => {
  await node.stop()
  rmSync(directory, { recursive: true, force: true })
})

const ask = (method: string, ...params: unknown[]) => node.request({ method, params })
const height = async () => Number(await ask('eth_blockNumber'))
const head = async () => (await ask('eth_getBlockByNumber', 'latest', false)) as { miner: string; gasLimit: string }
/** Blocks that are under way when something is changed may still come as they were. */
const eventually = (read: () => Promise<unknown>) => expect.poll(read)

describe('under proof of work', () => {
  beforeEach(async () => {
    const genesis = parseGenesis({
      config: { chainId: 7, idobata: { engine: 'pow', gasLimitTarget: START_GAS } },
      difficulty: 16,
      gasLimit: START_GAS,
      extraData: `0x${'00'.repeat(32)}`,
    })
    const etherbase = new Uint8Array(20).fill(0x0b)
    node = createFullNode({ datadir: directory, genesis, mining: { threads: 1, etherbase } })
    await node.start()
  })

  test('it stops, and goes on', async () => {
    await eventually(height).toBeGreaterThan(0)
    expect(await ask('eth_mining')).toBe(true)
    expect(await ask('miner_stop')).toBeNull()
    expect(await ask('eth_mining')).toBe(false)
    const stopped = await height()
    expect(await ask('miner_stop')).toBeNull()
    expect(await ask('eth_hashrate')).toBe('0x0')
    expect(await height()).toBe(stopped)
    expect(await ask('miner_start')).toBeNull()
    expect(await ask('miner_start', 2)).toBeNull()
    await eventually(height).toBeGreaterThan(stopped)
  })

  test('it mines for another account, and towards another gas limit', async () => {
    await eventually(height).toBeGreaterThan(0)
    expect(await head()).toMatchObject({ miner: ETHERBASE, gasLimit: `0x${START_GAS.toString(16)}` })
    expect(await ask('miner_setEtherbase', OTHER)).toBe(true)
    expect(await ask('eth_coinbase')).toBe(OTHER)
    await eventually(async () => (await head()).miner).toBe(OTHER)
    expect(await ask('miner_setGasLimit', '0x1312d00')).toBe(true)
    await eventually(async () => Number((await head()).gasLimit)).toBeGreaterThan(START_GAS)
    expect(await ask('miner_setGasLimit', '0x7a1200')).toBe(true)
    await eventually(async () => Number((await head()).gasLimit)).toBeLessThan(START_GAS)
    await expect(ask('miner_setGasLimit', '0x1387')).rejects.toMatchObject({ code: -32602 })
    await expect(ask('miner_setEtherbase', '0x12')).rejects.toMatchObject({ code: -32602 })
  })
})

test('under proof of authority nobody but the signer is paid', async () => {
  node = createFullNode({ dev: true, datadir: directory })
  await node.start()
  await expect(ask('miner_setEtherbase', OTHER)).rejects.toMatchObject({
    code: -32000,
    message: 'etherbase cannot be set: on this network tips go to the signer of the block',
  })
  expect(await ask('miner_setGasLimit', '0x6000000')).toBe(true)
  await ask('evm_mine')
  expect(Number((await head()).gasLimit)).toBeLessThan(120_000_000)
})
