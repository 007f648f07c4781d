import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../src/primitives/bytes.ts'
import { type Damage, FaultBench } from '../chaos/faults.ts'
import { chaosGenesisJson, senderAddress } from '../chaos/network.ts'
import { Random } from '../chaos/random.ts'
import { failureOf } from '../support/failure-of.ts'
import { NodeProcess, run } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'
import { signedTransfer, testKey } from '../support/transactions.ts'

const CASES_PER_KIND = 20
/** Refusals whose remedy is followed to its end; each takes seconds. */
const REMEDIES = 4

describe('a data directory with one damaged file', { timeout: 240_000 }, () => {
  const seed = Math.floor(Math.random() * 2 ** 32)
  const random = new Random(seed)
  let bench: FaultBench
  beforeAll(async () => {
    bench = await FaultBench.create(random)
  })
  afterAll(() => bench.stop())

  test.each<Damage['kind']>(['flip', 'truncate', 'delete'])(
    'opens with the right head and balances, or not at all: %s',
    async (kind) => {
      const count = kind === 'delete' ? bench.files.length : CASES_PER_KIND
      const cases = Array.from({ length: count }, (_, i) => bench.damage(bench.files[i % bench.files.length]!, kind))
      const reactions = await bench.react(cases.map(({ datadir }) => datadir))
      const wrong = reactions.flatMap((reaction, i) =>
        reaction.kind === 'wrong' ? [{ seed, ...cases[i]!.damage, what: reaction.what }] : [],
      )
      expect(wrong).toEqual([])
      const refused = cases.filter((_, i) => reactions[i]!.kind === 'refused')
      for (const { datadir, damage } of refused.slice(0, REMEDIES)) {
        expect({ seed, damage, wrong: await bench.followRemedy(datadir) }).toEqual({ seed, damage, wrong: undefined })
      }
    },
  )
})

describe('a genesis file that cannot be used is one line with file and place', () => {
  const directory = temporaryDirectory()
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const genesis = chaosGenesisJson() as Record<string, object>
  const file = join(directory, 'genesis.json')

  test.each<{ readonly content: string; readonly place: string }>([
    { content: '{', place: 'JSON' },
    { content: '[]', place: 'genesis: not an object' },
    { content: JSON.stringify({ ...genesis, config: undefined }), place: 'config: missing' },
    {
      content: JSON.stringify({ ...genesis, config: { idobata: { engine: 'pow' } } }),
      place: 'config.chainId: missing',
    },
    {
      content: JSON.stringify({ ...genesis, config: { chainId: 1, idobata: { engine: 'pos' } } }),
      place: 'config.idobata.engine: "pos"',
    },
    {
      content: JSON.stringify({ ...genesis, config: { chainId: 1, idobata: { engine: 'pow', spacng: 1 } } }),
      place: 'spacng: not a',
    },
    {
      content: JSON.stringify({ ...genesis, alloc: { '0x12': { balance: '1' } } }),
      place: 'alloc.0x12: not an address',
    },
    {
      content: JSON.stringify({ ...genesis, alloc: { ['0b'.repeat(20)]: { balance: '-1' } } }),
      place: 'balance: not a number: "-1"',
    },
    { content: JSON.stringify({ ...genesis, difficulty: 0 }), place: 'difficulty: ' },
    { content: JSON.stringify({ ...genesis, extraData: '0xzz' }), place: 'extraData: not hex bytes' },
  ])('$place', async ({ content, place }) => {
    writeFileSync(file, content)
    const { exitCode, line } = await failureOf(['start', '--datadir', join(directory, 'data'), '--genesis', file])
    expect(exitCode).toBe(2)
    expect(line).toMatch(/^idobata: [^\n]+$/)
    expect(line).toContain(`${file}: `)
    expect(line).toContain(place)
  })
})

/** Only root may mount, and not everywhere. */
function mountSmallDisk(directory: string): boolean {
  try {
    mkdirSync(directory)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', directory], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('a full disk', () => {
  const directory = temporaryDirectory()
  const disk = join(directory, 'disk')
  const mounted = mountSmallDisk(disk)
  const running: NodeProcess[] = []
  afterEach(async () => {
    for (const node of running.splice(0)) await node.kill()
  })
  afterAll(() => {
    if (mounted) execFileSync('umount', [disk])
    rmSync(directory, { recursive: true, force: true })
  })

  const genesis = join(directory, 'genesis.json')
  const arguments_ = ['--datadir', join(disk, 'data'), '--genesis', genesis]
  const start = () => {
    const node = new NodeProcess(['start', ...arguments_, '--http.port', '0'])
    running.push(node)
    return node
  }

  test.skipIf(!mounted)('ends the node with one line; with room again, nothing acknowledged is lost', async () => {
    writeFileSync(genesis, JSON.stringify(chaosGenesisJson()))
    const first = start()
    const url = await first.rpcUrl()
    let acknowledged = 0n
    // The journal alone fills the disk.
    while (await submit(url, acknowledged)) acknowledged++
    expect(acknowledged).toBeGreaterThan(100n)
    const { exitCode, stderr } = await first.ended()
    expect(exitCode).toBe(3)
    expect(stderr).toMatch(/^idobata: the disk is full[^\n]*; free some space and start again\n$/)
    expect(await start().ended()).toMatchObject({ exitCode: 3, stderr: expect.stringMatching(/^idobata: .*full.*\n$/) })

    execFileSync('mount', ['-o', 'remount,size=20m', disk])
    const second = start()
    expect(await nonce(await second.rpcUrl())).toBeGreaterThanOrEqual(acknowledged)
    second.signal('SIGTERM')
    expect(await second.ended()).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await run(['db', 'check', ...arguments_])).toMatchObject({ exitCode: 0 })
  })

  /** @returns whether it was acknowledged. Each is as large as a transaction may well be. */
  async function submit(url: string, txNonce: bigint): Promise<boolean> {
    const fields = { nonce: txNonce, data: new Uint8Array(1_000).fill(1), gasLimit: 100_000n, maxFeePerGas: 10n ** 12n }
    try {
      const result = await rpc(url, 'eth_sendRawTransaction', [toHex(signedTransfer(fields, testKey(1)).raw)])
      return result !== undefined
    } catch (error) {
      // The node is gone.
      if (error instanceof TypeError) return false
      throw error
    }
  }

  async function nonce(url: string): Promise<bigint> {
    return BigInt((await rpc(url, 'eth_getTransactionCount', [toHex(senderAddress(0)), 'pending'])) as string)
  }
})

describe('a clock that is an hour off', () => {
  const directory = temporaryDirectory()
  const genesis = join(directory, 'genesis.json')
  const running: NodeProcess[] = []
  afterEach(async () => {
    for (const node of running.splice(0)) await node.kill()
  })
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  const start = (offsetMs: number) => {
    const preload = new URL('../support/shifted-clock.ts', import.meta.url).pathname
    const node = new NodeProcess(
      ['start', '--mine', '--datadir', join(directory, 'data'), '--genesis', genesis, '--http.port', '0'],
      { NODE_OPTIONS: `--import=${preload}`, CLOCK_OFFSET_MS: `${offsetMs}` },
    )
    running.push(node)
    return node
  }
  const height = async (url: string) => Number(await rpc(url, 'eth_blockNumber', []))

  test('a real node behind says so and serves; one ahead says so and mines', async () => {
    writeFileSync(genesis, JSON.stringify(chaosGenesisJson()))
    const right = start(0)
    const url = await right.rpcUrl()
    await expect.poll(() => height(url)).toBeGreaterThan(1)
    right.signal('SIGTERM')
    expect(await right.ended()).toMatchObject({ exitCode: 0 })

    const behind = start(-3_600_000)
    expect((await behind.record('the head is')).msg).toMatch(/60 min ahead of the local clock.*keeps running/)
    const before = await height(await behind.rpcUrl())
    behind.signal('SIGTERM')
    expect(await behind.ended()).toMatchObject({ exitCode: 0, stderr: '' })

    const ahead = start(3_600_000)
    expect((await ahead.record('the head is')).msg).toMatch(/old.*clock is ahead/)
    const aheadUrl = await ahead.rpcUrl()
    await expect.poll(() => height(aheadUrl)).toBeGreaterThan(before)
  })
})

async function rpc(url: string, method: string, params: readonly unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body })
  return ((await response.json()) as { result?: unknown }).result
}

describe('db', () => {
  const directory = temporaryDirectory()
  const running: NodeProcess[] = []
  afterAll(async () => {
    for (const node of running) await node.kill()
    rmSync(directory, { recursive: true, force: true })
  })

  test.each(['check', 'repair'])('%s says so where there is no database, and makes none', async (command) => {
    const ending = await run(['db', command, '--datadir', join(directory, 'none')])
    expect(ending).toMatchObject({
      exitCode: 3,
      stderr: expect.stringMatching(/^idobata: there is no database in .*\n$/),
    })
  })

  test('check is refused while a node runs, and names it; so is a second node after a kill of a first', async () => {
    const datadir = join(directory, 'data')
    const start = () => {
      const node = new NodeProcess(['start', '--dev', '--datadir', datadir, '--http.port', '0'])
      running.push(node)
      return node
    }
    const first = start()
    await first.rpcUrl()
    await first.kill()
    const second = start()
    await second.rpcUrl()
    const pid = readFileSync(join(datadir, 'pid'), 'utf8').trim()
    const inUse = { exitCode: 3, stderr: expect.stringContaining(`is in use by another process (pid ${pid})`) }
    expect(await run(['db', 'check', '--dev', '--datadir', datadir])).toMatchObject(inUse)
    expect(await start().ended()).toMatchObject(inUse)
  })
})
