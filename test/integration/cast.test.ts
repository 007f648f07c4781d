import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NodeProcess } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** Foundry's cast against a node process, as its users type it. */

const CAST = new URL('../../node_modules/.bin/cast', import.meta.url).pathname
const FROM = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const TO = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
const HASH = /^0x[0-9a-f]{64}$/
const COIN = 10n ** 18n

let directory: string
let node: NodeProcess
let url: string

beforeAll(async () => {
  directory = temporaryDirectory()
  node = new NodeProcess(['start', '--dev', '--datadir', directory, '--http.port', '0'])
  url = await node.rpcUrl()
})

afterAll(async () => {
  await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

/** What cast prints. @throws Error with what it complains of; its wrapper exits with 0 then too. */
async function cast(...args: string[]): Promise<string> {
  // A home of its own, so that no configuration of this machine is read or written.
  const env = { PATH: process.env.PATH, HOME: directory, ETH_RPC_URL: url }
  const { stdout, stderr } = await promisify(execFile)(CAST, args, { env })
  if (/^error/i.test(stderr)) throw new Error(`cast ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

interface Receipt {
  readonly transactionHash: string
  readonly blockNumber: string
  readonly blockHash: string
  readonly status: string
}

async function send(...args: string[]): Promise<Receipt> {
  return JSON.parse(await cast('send', TO, ...args, '--private-key', KEY, '--json'))
}

// Each of its processes takes a second where others keep the machine busy.
describe('cast', { timeout: 240_000 }, () => {
  test('knows the node and its network', async () => {
    expect(await cast('chain-id')).toBe('31337')
    expect(await cast('client')).toMatch(/^idobata\//)
    expect(await cast('rpc', 'net_version')).toBe('"31337"')
    expect(JSON.parse(await cast('rpc', 'rpc_modules'))).toMatchObject({ eth: '1.0', txpool: '1.0', rpc: '1.0' })
    expect(JSON.parse(await cast('rpc', 'eth_syncing'))).toBe(false)
  })

  test('sends with nothing filled in, waits for the receipt, and sees balance and nonce move', async () => {
    const [before, nonce] = [BigInt(await cast('balance', TO)), Number(await cast('nonce', FROM))]
    const receipt = await send('--value', '1ether')
    expect(receipt).toMatchObject({ status: '0x1', transactionHash: expect.stringMatching(HASH) })
    expect(BigInt(await cast('balance', TO)) - before).toBe(COIN)
    expect(Number(await cast('nonce', FROM))).toBe(nonce + 1)
    expect(BigInt(await cast('balance', TO, '--block', `${Number(receipt.blockNumber) - 1}`))).toBe(before)

    expect(await cast('receipt', receipt.transactionHash, 'status')).toMatch(/^(true|1)/)
    expect(await cast('receipt', receipt.transactionHash, 'blockHash')).toBe(receipt.blockHash)
    expect(await cast('tx', receipt.transactionHash, 'value')).toBe(`${COIN}`)
    expect(await cast('tx', receipt.transactionHash, 'from')).toBe(FROM)
    expect(await cast('tx', receipt.transactionHash, '--raw')).toMatch(/^0x02f8/)
    expect(await cast('block', receipt.blockNumber, '--field', 'hash')).toBe(receipt.blockHash)
    expect(JSON.parse(await cast('block', 'latest', '--json'))).toMatchObject({ transactions: expect.anything() })
    expect(await cast('block', receipt.blockHash, '--full')).toContain(receipt.transactionHash)
  })

  test('sends legacy and access-list transactions', async () => {
    const legacy = await send('--value', '1', '--legacy')
    expect(JSON.parse(await cast('tx', legacy.transactionHash, '--json'))).toMatchObject({ type: '0x0' })
    const listed = await send('--value', '1', '--access-list', JSON.stringify([{ address: TO, storageKeys: [] }]))
    expect(JSON.parse(await cast('tx', listed.transactionHash, '--json'))).toMatchObject({
      accessList: [{ address: expect.stringMatching(new RegExp(TO, 'i')) }],
    })
  })

  test('publishes a transaction that it signed before', async () => {
    const raw = await cast('mktx', TO, '--value', '3', '--private-key', KEY)
    const published = await cast('publish', '--async', raw)
    const hash = published.match(/0x[0-9a-f]{64}/)![0]
    expect(await cast('receipt', hash, 'transactionHash')).toBe(hash)
    await expect(cast('publish', '--async', raw)).rejects.toThrow(/nonce too low|already known/)
  })

  test('is told what fees are, and they suffice', async () => {
    const baseFee = BigInt(await cast('base-fee'))
    expect(baseFee).toBe(BigInt(await cast('block', 'latest', '--field', 'baseFeePerGas')))
    expect(BigInt(await cast('gas-price'))).toBeGreaterThan(10n ** 9n)
    expect(await cast('estimate', TO, '--value', '1', '--from', FROM)).toBe('21000')
    expect(await cast('access-list', TO, '--from', FROM)).toContain('21000')
    await expect(cast('estimate', TO, '--value', '20000ether', '--from', FROM)).rejects.toThrow(
      /insufficient funds for gas \* price \+ value/,
    )
  })

  test('finds blocks by time', async () => {
    const { blockNumber } = await send('--value', '1')
    const timestamp = await cast('block', blockNumber, '--field', 'timestamp')
    const found = Number(await cast('find-block', timestamp))
    expect(await cast('block', `${found}`, '--field', 'timestamp')).toBe(timestamp)
    expect(await cast('age', blockNumber)).toMatch(/\d{4} UTC$/)
    expect(Number(await cast('block-number'))).toBeGreaterThanOrEqual(Number(blockNumber))
  })

  test('reads state, with proofs', async () => {
    const proof = JSON.parse(await cast('proof', FROM, '0x0'))
    expect(proof).toMatchObject({ address: FROM.toLowerCase(), storageProof: [{ value: '0x0', proof: [] }] })
    expect(proof.accountProof.length).toBeGreaterThan(0)
    expect(BigInt(proof.balance)).toBe(BigInt(await cast('balance', FROM)))
    expect(await cast('code', FROM)).toBe('0x')
    expect(BigInt(await cast('storage', FROM, '0'))).toBe(0n)
    expect(await cast('call', TO, '--from', FROM)).toContain('0x')
  })

  test('asks for logs, of which there are none, and for the pool', async () => {
    expect(await cast('logs', '--from-block', '0', '--to-block', 'latest')).toBe('')
    expect(JSON.parse(await cast('tx-pool', 'status'))).toEqual({ pending: '0x0', queued: '0x0' })
    expect(JSON.parse(await cast('tx-pool', 'content'))).toEqual({ pending: {}, queued: {} })
  })
})
