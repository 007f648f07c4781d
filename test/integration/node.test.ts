import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createPublicClient, createWalletClient, defineChain, http, parseEther } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { NodeProcess, run } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** Real processes on real directories, as an operator and a wallet meet them. */

// Every step is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 240_000 })

const account = privateKeyToAccount('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
const RECIPIENT = `0x${'0b'.repeat(20)}` as const
const CHAIN_ID = 4_242

let directory: string
let datadir: string
let genesis: string
const running: NodeProcess[] = []

beforeEach(() => {
  directory = temporaryDirectory()
  datadir = join(directory, 'data')
  genesis = writeGenesis('genesis.json', {})
})

afterEach(async () => {
  for (const node of running.splice(0)) await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

/** A network whose blocks take a few hashes. */
function writeGenesis(name: string, changes: object): string {
  const file = join(directory, name)
  const content = {
    config: { chainId: CHAIN_ID, idobata: { engine: 'pow' } },
    difficulty: '0x10',
    gasLimit: '0x7270e00',
    timestamp: '0x6ae68100',
    extraData: `0x${'00'.repeat(32)}`,
    alloc: { [account.address]: { balance: parseEther('100').toString() } },
    ...changes,
  }
  writeFileSync(file, JSON.stringify(content))
  return file
}

function start(...args: string[]): NodeProcess {
  const node = new NodeProcess(['start', '--datadir', datadir, '--genesis', genesis, '--http.port', '0', ...args])
  running.push(node)
  return node
}

async function clients(node: NodeProcess) {
  const url = await node.rpcUrl()
  const chain = defineChain({
    id: CHAIN_ID,
    name: 'test',
    nativeCurrency: { name: 'coin', symbol: 'COIN', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
  const options = { chain, transport: http(url, { retryCount: 0, timeout: 120_000 }), pollingInterval: 25 }
  return { url, reader: createPublicClient(options), wallet: createWalletClient({ ...options, account }) }
}

const transfer = { to: RECIPIENT, value: parseEther('1') } as const

describe('what was acknowledged', () => {
  test('is there after a kill: a mined transfer, its receipt, and the balances', async () => {
    const first = start('--mine')
    const before = await clients(first)
    const hash = await before.wallet.sendTransaction(transfer)
    const receipt = await before.reader.waitForTransactionReceipt({ hash })
    expect(receipt).toMatchObject({ status: 'success', gasUsed: 21_000n, from: account.address.toLowerCase() })
    const spent = parseEther('1') + receipt.gasUsed * receipt.effectiveGasPrice
    await first.kill()

    const { reader } = await clients(start())
    expect(await reader.getTransactionReceipt({ hash })).toEqual(receipt)
    expect(await reader.getBalance({ address: RECIPIENT })).toBe(parseEther('1'))
    expect(await reader.getBalance({ address: account.address })).toBe(parseEther('100') - spent)
    expect(await reader.getTransactionCount({ address: account.address })).toBe(1)
    expect(await reader.getBlockNumber()).toBeGreaterThanOrEqual(receipt.blockNumber)
  })

  test('is there after a kill: a pooled transaction, which is mined later', async () => {
    const first = start()
    const { wallet } = await clients(first)
    const hash = await wallet.sendTransaction(transfer)
    await first.kill()

    const second = start('--mine')
    const { reader } = await clients(second)
    expect(await reader.waitForTransactionReceipt({ hash })).toMatchObject({ status: 'success' })
  })

  test('is there after a clean stop, which SIGTERM asks for, also when it comes twice at once', async () => {
    const first = start('--mine')
    const before = await clients(first)
    const hash = await before.wallet.sendTransaction(transfer)
    const { blockHash } = await before.reader.waitForTransactionReceipt({ hash })
    first.signal('SIGTERM')
    first.signal('SIGTERM')
    expect(await first.ended()).toMatchObject({ exitCode: 0, stderr: '', stdout: expect.stringContaining('"stopped"') })
    const { reader } = await clients(start())
    expect(await reader.getTransactionReceipt({ hash })).toMatchObject({ blockHash })
  })
})

test('rewards go to an account that is made at the first start and found again at the second', async () => {
  const first = start('--mine')
  const made = (await first.record('mining for')).msg
  await first.rpcUrl()
  const address = /0x[0-9a-f]{40}/.exec(made)![0] as `0x${string}`
  expect(made).toContain(join(datadir, 'miner.key'))
  const { reader } = await clients(first)
  await expect.poll(() => reader.getBlockNumber()).toBeGreaterThan(0n)
  expect(await reader.getBalance({ address })).toBeGreaterThanOrEqual(parseEther('2'))
  await first.kill()
  expect((await start('--mine').record('mining for')).msg).toContain(address)
})

describe('a start that cannot be is one line and an exit code', () => {
  const line = (text: string) => expect.stringMatching(new RegExp(`^idobata: [^\\n]*${text}[^\\n]*\\n$`))

  test('on a directory that another process holds: which one', async () => {
    const first = start()
    await first.rpcUrl()
    const pid = readFileSync(join(datadir, 'pid'), 'utf8').trim()
    const second = await start().ended()
    expect(second).toMatchObject({
      exitCode: 3,
      stderr: line(`${datadir} is in use by another process \\(pid ${pid}\\)`),
    })
  })

  test('with another genesis than the one on disk', async () => {
    const first = start()
    await first.rpcUrl()
    first.signal('SIGINT')
    await first.ended()
    genesis = writeGenesis('other.json', { difficulty: '0x11' })
    expect(await start().ended()).toMatchObject({ exitCode: 3, stderr: line('of another genesis') })
  })

  test('with a genesis that says nonsense: which file and place', async () => {
    genesis = writeGenesis('bad.json', { gasLimit: 'much' })
    expect(await start().ended()).toMatchObject({ exitCode: 2, stderr: line(`${genesis}: gasLimit: `) })
  })

  test('on a port that is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as { port: number }
    const ending = await run(['start', '--datadir', datadir, '--genesis', genesis, '--http.port', `${port}`])
    taken.close()
    expect(ending).toMatchObject({ exitCode: 1, stderr: line(`127.0.0.1:${port}.*in use`) })
  })

  test.each([
    [['start', '--foo'], "unknown option '--foo'"],
    [['start', '--miner.etherbase', '0x12'], '--miner.etherbase: "0x12" is no address'],
    [['start', '--http.port', '99999'], '--http.port: '],
    [['start', 'now'], 'too many arguments'],
    [['strat'], "unknown command 'strat'"],
    [['import'], "missing required argument 'file'"],
    [['import', '/nonexistent'], '/nonexistent: cannot be read'],
    [['import', '/'], '/: is a directory'],
    [['export', 'file', 'x'], 'first: "x" is no block number'],
  ])('with arguments that mean nothing: %j', async (args, text) => {
    expect(await run(args)).toMatchObject({ exitCode: 2, stdout: '', stderr: line(text) })
  })

  test('with a variable that means nothing', async () => {
    const ending = await run(['start'], { IDOBATA_MINE: 'perhaps' })
    expect(ending).toMatchObject({ exitCode: 2, stderr: line('IDOBATA_MINE: "perhaps" is neither') })
  })
})

describe('blocks', () => {
  /** Mines a chain with a transfer in it and stops. */
  async function mine(): Promise<{ number: bigint; hash: string }> {
    const node = start('--mine')
    const { wallet, reader } = await clients(node)
    await reader.waitForTransactionReceipt({ hash: await wallet.sendTransaction(transfer) })
    node.signal('SIGTERM')
    await node.ended()
    const stopped = start()
    const { number, hash } = await (await clients(stopped)).reader.getBlock()
    await stopped.kill()
    return { number, hash }
  }

  const network = () => ['--datadir', datadir, '--genesis', genesis]

  test('leave one node and arrive at another, the same head and state', async () => {
    const head = await mine()
    const file = join(directory, 'blocks.rlp')
    expect(await run(['export', file, ...network()])).toMatchObject({ exitCode: 0, stderr: '' })

    datadir = join(directory, 'copy')
    expect(await run(['import', file, ...network()])).toMatchObject({
      exitCode: 0,
      stderr: '',
      stdout: expect.stringContaining(`"imported":${head.number},"skipped":1,`),
    })
    // For programs: one JSON value alone, the log beside it.
    const again = await run(['import', file, ...network(), '--json'])
    expect(JSON.parse(again.stdout)).toEqual({
      imported: 0,
      skipped: Number(head.number) + 1,
      future: 0,
      head: Number(head.number),
    })
    const nowhere = join(directory, 'nowhere', 'blocks.rlp')
    expect(await run(['export', nowhere, ...network()])).toMatchObject({
      exitCode: 2,
      stderr: `idobata: ${nowhere}: cannot be written (ENOENT)\n`,
    })
    const exported = await run(['export', file, '1', '1', ...network(), '--json'])
    expect(JSON.parse(exported.stdout)).toEqual({ blocks: 1, bytes: statSync(file).size, file })
    const checked = await run(['db', 'check', ...network(), '--json'])
    expect(JSON.parse(checked.stdout)).toMatchObject({ intact: true, findings: [], blocks: Number(head.number) + 1 })
    const repaired = await run(['db', 'repair', ...network(), '--json'])
    expect(JSON.parse(repaired.stdout)).toEqual({ repaired: false })
    const { reader } = await clients(start())
    expect(await reader.getBlock()).toMatchObject(head)
    expect(await reader.getBalance({ address: RECIPIENT })).toBe(parseEther('1'))
  })

  test('of a file that is cut off are imported as far as it goes, and the rest later', async () => {
    const head = await mine()
    const whole = join(directory, 'whole.rlp')
    const cut = join(directory, 'cut.rlp')
    await run(['export', whole, ...network()])
    // All but the last byte of the last block.
    writeFileSync(cut, readFileSync(whole))
    truncateSync(cut, readFileSync(whole).length - 1)

    datadir = join(directory, 'copy')
    expect(await run(['import', cut, ...network()])).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`"imported":${head.number - 1n},`),
      stderr: expect.stringMatching(/^idobata: the file ends inside the block at byte \d+\n$/),
    })
    expect(await run(['import', whole, ...network()])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('"imported":1,'),
    })
  })

  test('that break a rule are refused with their place in the file', async () => {
    await mine()
    const file = join(directory, 'blocks.rlp')
    await run(['export', file, '1', '1', ...network()])
    const bytes = readFileSync(file)
    // Near the end stand mixHash, nonce and base fee: the seal no longer fits.
    bytes[bytes.length - 20]! ^= 1
    writeFileSync(file, bytes)
    datadir = join(directory, 'copy')
    expect(await run(['import', file, ...network()])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/^idobata: block refused: .* at byte 0\n$/),
    })
  })
})
