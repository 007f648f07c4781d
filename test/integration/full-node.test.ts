import { rmSync } from 'node:fs'
import { verifyMerkleProof } from '@ethereumjs/mpt'
import { createPublicClient, createWalletClient, type Hex, hexToBytes, http, keccak256, parseEther, toRlp } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { anvil } from 'viem/chains'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createFullNode, type FullNode, type FullNodeOptions, type Logger, parseGenesis } from '../../src/index.ts'
import { devGenesis } from '../../src/node/dev.ts'
import { systemClock } from '../../src/node/system.ts'
import { encodeAccount } from '../../src/primitives/account.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

const directory = temporaryDirectory()
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('a development node that RPC asks', () => {
  const CONTRACT = `0x${'c0'.repeat(20)}` as const
  const NOBODY = `0x${'ee'.repeat(20)}` as const
  const SLOT = `0x${'00'.repeat(31)}07` as const
  const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')

  let node: FullNode
  let reader: ReturnType<typeof createReader>
  let wallet: ReturnType<typeof createWallet>
  const createReader = (url: string) =>
    createPublicClient({ chain: anvil, transport: http(url, { retryCount: 0, timeout: 120_000 }), pollingInterval: 20 })
  const createWallet = (url: string) =>
    createWalletClient({ account, chain: anvil, transport: http(url, { timeout: 120_000 }) })

  beforeAll(async () => {
    const genesis = devGenesis() as { alloc: Record<string, unknown> }
    genesis.alloc[CONTRACT] = { balance: '5', code: '0x6042', storage: { [SLOT]: '0x2a' } }
    node = createFullNode({
      datadir: `${directory}/dev`,
      genesis: parseGenesis(genesis),
      dev: true,
      http: { host: '127.0.0.1', port: 0 },
      mining: { threads: 1 },
    })
    await node.start()
    reader = createReader(node.rpcUrl!)
    wallet = createWallet(node.rpcUrl!)
  })
  afterAll(() => node.stop())

  const mined = async (value: bigint) => {
    const hash = await wallet.sendTransaction({ to: NOBODY, value })
    return reader.waitForTransactionReceipt({ hash })
  }

  test('mines a transaction as it comes, and keeps the state before it', async () => {
    const before = await reader.getBlockNumber()
    const { blockNumber, transactionHash } = await mined(3n)
    expect(blockNumber).toBe(before + 1n)
    const block = await reader.getBlock({ blockNumber, includeTransactions: true })
    expect(block.transactions).toMatchObject([{ hash: transactionHash, from: account.address.toLowerCase() }])
    const balanceAt = (at: bigint) => reader.getBalance({ address: NOBODY, blockNumber: at })
    expect((await balanceAt(blockNumber)) - (await balanceAt(before))).toBe(3n)
    expect(await reader.getTransaction({ hash: transactionHash })).toMatchObject({ blockNumber })
    expect(await reader.getBlock({ blockTag: 'finalized' })).toMatchObject({ number: blockNumber })
    expect(await reader.getBlock({ blockTag: 'earliest' })).toMatchObject({ number: 0n })
  })

  test('tells code and storage, and proves them, presence and absence, to another implementation', async () => {
    await mined(1n)
    const { stateRoot } = await reader.getBlock()
    expect(await reader.getCode({ address: CONTRACT })).toBe('0x6042')
    expect(await reader.getCode({ address: NOBODY })).toBeUndefined()
    expect(await reader.getStorageAt({ address: CONTRACT, slot: SLOT })).toBe(`0x${'00'.repeat(31)}2a`)
    expect(await reader.getStorageAt({ address: CONTRACT, slot: '0x8' })).toBe(`0x${'00'.repeat(32)}`)

    const prove = (root: Hex, key: Hex, proof: readonly Hex[]) =>
      verifyMerkleProof(
        hexToBytes(keccak256(key)),
        proof.map((proofNode) => hexToBytes(proofNode)),
        {
          root: hexToBytes(root),
        },
      )
    const absentSlot = `0x${'00'.repeat(31)}08` as const
    const proof = await reader.getProof({ address: CONTRACT, storageKeys: [SLOT, absentSlot] })
    expect(proof).toMatchObject({ balance: 5n, nonce: 0, codeHash: keccak256('0x6042') })
    const value = encodeAccount({
      nonce: 0n,
      balance: 5n,
      storageRoot: fromHex(proof.storageHash),
      codeHash: fromHex(proof.codeHash),
    })
    expect(await prove(stateRoot, CONTRACT, proof.accountProof)).toEqual(value)
    const [present, absent] = proof.storageProof
    expect(present).toMatchObject({ key: SLOT, value: 42n })
    expect(await prove(proof.storageHash, SLOT, present!.proof)).toEqual(hexToBytes(toRlp('0x2a')))
    expect(absent).toMatchObject({ key: absentSlot, value: 0n })
    expect(await prove(proof.storageHash, absentSlot, absent!.proof)).toBeNull()

    const stranger = `0x${'dd'.repeat(20)}` as const
    const nothing = await reader.getProof({ address: stranger, storageKeys: [SLOT] })
    expect(nothing).toMatchObject({ balance: 0n, nonce: 0, storageProof: [{ value: 0n, proof: [] }] })
    expect(await prove(stateRoot, stranger, nothing.accountProof)).toBeNull()
  })

  test('refuses a transaction in words that wallets know', async () => {
    const nonce = await reader.getTransactionCount({ address: account.address })
    const sign = (fields: object) =>
      account.signTransaction({
        chainId: anvil.id,
        nonce,
        to: NOBODY,
        gas: 21_000n,
        maxFeePerGas: 10n ** 10n,
        maxPriorityFeePerGas: 10n ** 9n,
        ...fields,
      })
    const refusal = async (fields: object) => {
      const serializedTransaction = await sign(fields)
      return reader.sendRawTransaction({ serializedTransaction }).then(
        () => expect.fail('accepted'),
        (error: Error & { details: string }) => error.details,
      )
    }
    expect(await refusal({ nonce: 0 })).toBe(`nonce too low: next nonce ${nonce}, tx nonce 0`)
    expect(await refusal({ value: parseEther('1000000') })).toMatch(
      /^insufficient funds for gas \* price \+ value: balance/,
    )
    expect(await refusal({ gas: 20_999n })).toBe('intrinsic gas too low: gas 20999, minimum needed 21000')
    expect(await refusal({ maxPriorityFeePerGas: 1n })).toMatch(/^transaction underpriced/)
    expect(await refusal({ chainId: 1 })).toMatch(/^invalid sender/)
    expect(await refusal({ to: CONTRACT })).toMatch(/^recipient is a contract/)
    expect(await refusal({ to: null, gas: 100_000n })).toMatch(/^contract creation not supported/)
  })

  test('takes a batch of a hundred transactions, in order of nonce, and mines them all', async () => {
    const nonce = await reader.getTransactionCount({ address: account.address })
    const raws = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        account.signTransaction({
          chainId: anvil.id,
          nonce: nonce + i,
          to: NOBODY,
          value: 1n,
          gas: 21_000n,
          maxFeePerGas: 10n ** 10n,
          maxPriorityFeePerGas: 10n ** 9n,
        }),
      ),
    )
    const batch = raws.map((raw, id) => ({ jsonrpc: '2.0', id, method: 'eth_sendRawTransaction', params: [raw] }))
    const response = await fetch(node.rpcUrl!, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(batch),
    })
    const answers = (await response.json()) as { id: number; result: Hex }[]
    expect(answers).toEqual(raws.map((raw, id) => ({ jsonrpc: '2.0', id, result: keccak256(raw) })))
    const last = await reader.waitForTransactionReceipt({ hash: answers.at(-1)!.result })
    expect(last.status).toBe('success')
    expect(await reader.getTransactionCount({ address: account.address })).toBe(nonce + 100)
    const receipts = await reader.request({ method: 'eth_getBlockReceipts', params: [last.blockHash] } as never)
    expect(receipts).toContainEqual(expect.objectContaining({ transactionHash: last.transactionHash }))
  })
})

describe('a clock that is an hour off', () => {
  const HOUR_MS = 3_600_000
  const nodes: FullNode[] = []
  afterEach(async () => {
    for (const node of nodes.splice(0)) await node.stop()
  })

  /** A mining node on the one directory of these tests, its clock set apart from the machine's. */
  async function startAt(offsetMs: number): Promise<{ node: FullNode; warnings: string[] }> {
    const options: FullNodeOptions = {
      datadir: `${directory}/clock`,
      genesis: parseGenesis({
        config: { chainId: 1, idobata: { engine: 'pow' } },
        difficulty: 16,
        gasLimit: 30_000_000,
        extraData: `0x${'00'.repeat(32)}`,
      }),
      dev: false,
      mining: { threads: 1, etherbase: new Uint8Array(20).fill(7) },
    }
    const warnings: string[] = []
    const logger: Logger = { debug() {}, info() {}, warn: (message) => warnings.push(message), error: expect.fail }
    const clock = { nowMs: () => systemClock.nowMs() + offsetMs, after: systemClock.after }
    const node = createFullNode(options, { clock, logger })
    nodes.push(node)
    await node.start()
    return { node, warnings }
  }

  const grow = (node: FullNode, above: number) => expect.poll(() => node.status().number).toBeGreaterThan(above)

  test('behind: the node says so and runs, and waits with blocks of its own; ahead: it says so and goes on', async () => {
    const right = await startAt(0)
    await grow(right.node, 2)
    await right.node.stop()
    expect(right.warnings).toEqual([])

    const behind = await startAt(-HOUR_MS)
    const { number } = behind.node.status()
    expect(behind.warnings).toContainEqual(expect.stringMatching(/head is 60 min ahead of the local clock/))
    await behind.node.stop()

    const ahead = await startAt(HOUR_MS)
    expect(ahead.node.status().number).toBe(number)
    await grow(ahead.node, number)
    expect(ahead.warnings).toContainEqual(expect.stringMatching(/head is \d+ s old.*clock is ahead/))
  })
})

test('a node that runs nowhere has no status, and stopping it does nothing', async () => {
  const node = createFullNode({ datadir: `${directory}/never`, genesis: parseGenesis(devGenesis()), dev: true })
  await node.stop()
  expect(() => node.status()).toThrow('does not run')
  expect(node.rpcUrl).toBeUndefined()
})
