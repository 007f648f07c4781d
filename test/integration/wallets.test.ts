import { JsonRpcProvider, parseEther as parseEtherEthers, Wallet, WebSocketProvider } from 'ethers'
import {
  createPublicClient,
  createWalletClient,
  type Hex,
  http,
  type PublicClient,
  parseEther,
  type Transport,
  webSocket,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NodeProcess } from '../support/node-process.ts'

/** Wallet libraries against a node process of the development network, as their users have them: nothing is set but the URL. */

const KEYS = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
] as const
const RECIPIENT = `0x${'0b'.repeat(20)}` as const

let node: NodeProcess
let url: string
beforeAll(async () => {
  node = new NodeProcess(['start', '--dev', '--http.port', '0'])
  url = await node.rpcUrl()
})
afterAll(() => node.kill())

async function rpc(method: string, ...params: unknown[]): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return ((await response.json()) as { result: unknown }).result
}

describe.each([
  ['HTTP', KEYS[0], () => http(url)],
  ['WebSocket', KEYS[1], () => webSocket(url.replace('http', 'ws'))],
] as [string, Hex, () => Transport][])('viem over %s', (_, key, transport) => {
  const account = privateKeyToAccount(key)
  let reader: PublicClient
  const wallet = () => createWalletClient({ account, chain: anvil, transport: transport() })
  beforeAll(() => {
    reader = createPublicClient({ chain: anvil, transport: transport(), pollingInterval: 50 }) as PublicClient
  })

  test('prepares, sends and waits for the receipt', async () => {
    const client = wallet()
    const prepared = await client.prepareTransactionRequest({ to: RECIPIENT, value: parseEther('1') })
    expect(prepared).toMatchObject({ type: 'eip1559', gas: 21_000n, chainId: anvil.id })
    const before = await reader.getBalance({ address: RECIPIENT })
    const hash = await client.sendRawTransaction({ serializedTransaction: await client.signTransaction(prepared) })
    const receipt = await reader.waitForTransactionReceipt({ hash })
    expect(receipt).toMatchObject({ status: 'success', gasUsed: 21_000n, transactionHash: hash })
    expect(await reader.getBalance({ address: RECIPIENT })).toBe(before + parseEther('1'))
  })

  test('watches blocks and pending transactions', async () => {
    const blocks: bigint[] = []
    const pending: Hex[] = []
    const stopBlocks = reader.watchBlocks({
      onBlock: ({ number }) => blocks.push(number!),
      onError: (error) => expect.fail(error.message),
    })
    const stopPending = reader.watchPendingTransactions({ onTransactions: (hashes) => pending.push(...hashes) })
    const hashes: Hex[] = []
    // Until the watches stand: what was sent before is not told of.
    await expect
      .poll(
        async () => {
          hashes.push(await wallet().sendTransaction({ to: RECIPIENT, value: 1n }))
          return blocks.length > 1 && pending.some((hash) => hashes.includes(hash))
        },
        { interval: 200 },
      )
      .toBe(true)
    stopBlocks()
    stopPending()
    expect(blocks).toEqual(blocks.toSorted((a, b) => Number(a - b)))
  })

  test('reads proofs and fees', async () => {
    const proof = await reader.getProof({ address: account.address, storageKeys: [] })
    expect(proof.balance).toBe(await reader.getBalance({ address: account.address }))
    const history = await reader.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] })
    expect(history.baseFeePerGas.length).toBeGreaterThan(1)
    expect((await reader.estimateFeesPerGas()).maxFeePerGas).toBeGreaterThan(0n)
  })
})

describe('ethers', () => {
  const providers: (JsonRpcProvider | WebSocketProvider)[] = []
  afterAll(async () => {
    for (const provider of providers) await provider.destroy()
  })
  const keep = <T extends JsonRpcProvider | WebSocketProvider>(provider: T): T => {
    providers.push(provider)
    return provider
  }

  test('sends with nothing filled in and waits for two confirmations', async () => {
    const provider = keep(new JsonRpcProvider(url, undefined, { polling: true, pollingInterval: 50, cacheTimeout: -1 }))
    const wallet = new Wallet(KEYS[2], provider)
    const sent = await wallet.sendTransaction({ to: RECIPIENT, value: parseEtherEthers('0.5') })
    const waiting = sent.wait(2)
    await wallet.sendTransaction({ to: RECIPIENT })
    expect(await waiting).toMatchObject({ status: 1, hash: sent.hash, gasUsed: 21_000n })
  })

  test('replaces a transaction that waits, and cancels one', async () => {
    const provider = keep(new JsonRpcProvider(url, undefined, { polling: true, pollingInterval: 50, cacheTimeout: -1 }))
    const wallet = new Wallet(KEYS[2], provider)
    await rpc('evm_setAutomine', false)
    try {
      const gwei = 10n ** 9n
      const nonce = await wallet.getNonce()
      const fees = (tip: bigint) => ({ maxPriorityFeePerGas: tip * gwei, maxFeePerGas: 10n * tip * gwei })
      const first = await wallet.sendTransaction({ to: RECIPIENT, value: 1n, nonce, ...fees(1n) })
      await expect(wallet.sendTransaction({ to: RECIPIENT, value: 2n, nonce, ...fees(1n) })).rejects.toMatchObject({
        code: 'REPLACEMENT_UNDERPRICED',
      })
      const second = await wallet.sendTransaction({ to: RECIPIENT, value: 2n, nonce, ...fees(2n) })
      const doomed = await wallet.sendTransaction({ to: RECIPIENT, value: 3n, nonce: nonce + 1, ...fees(1n) })
      const cancel = await wallet.sendTransaction({ to: wallet.address, nonce: nonce + 1, ...fees(2n) })
      await rpc('evm_mine')
      expect((await second.wait())!.status).toBe(1)
      expect((await cancel.wait())!.status).toBe(1)
      for (const { hash } of [first, doomed]) expect(await provider.getTransactionReceipt(hash)).toBeNull()
    } finally {
      await rpc('evm_setAutomine', true)
    }
  })

  test('is told of blocks and pending transactions over WebSocket', async () => {
    const provider = keep(new WebSocketProvider(url.replace('http', 'ws')))
    const wallet = new Wallet(KEYS[2], provider)
    const blocks: number[] = []
    const pending: string[] = []
    await provider.on('block', (number) => blocks.push(number))
    await provider.on('pending', (hash) => pending.push(hash))
    const sent: string[] = []
    await expect
      .poll(
        async () => {
          const transaction = await wallet.sendTransaction({ to: RECIPIENT, value: 1n })
          sent.push(transaction.hash)
          await transaction.wait()
          return blocks.length > 0 && pending.some((hash) => sent.includes(hash))
        },
        { interval: 200 },
      )
      .toBe(true)
  })
})
