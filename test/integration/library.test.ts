import { execFile } from 'node:child_process'
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createPublicClient, custom } from 'viem'
import { anvil } from 'viem/chains'
import { afterEach, describe, expect, test } from 'vitest'
import {
  ConfigError,
  createFullNode,
  createLightNode,
  type FullNode,
  type NodeHead,
  ProviderError,
} from '../../src/index.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const run = promisify(execFile)
const nodes: FullNode[] = []
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.stop()
})

function create(...args: Parameters<typeof createFullNode>): FullNode {
  const node = createFullNode(...args)
  nodes.push(node)
  return node
}

describe('docs/library.md', () => {
  const examples = [...readFileSync(join(ROOT, 'docs/library.md'), 'utf8').matchAll(/```ts\n(.*?)```/gs)].map(
    ([, code]) => code!,
  )

  /** What an example prints, run as a program of its own against the sources. */
  async function output(code: string): Promise<string> {
    const directory = temporaryDirectory()
    try {
      symlinkSync(join(ROOT, 'node_modules'), join(directory, 'node_modules'))
      const file = join(directory, 'example.ts')
      const source = code.replace("from 'idobata'", `from '${new URL('../../src/index.ts', import.meta.url)}'`)
      expect(source).not.toBe(code)
      writeFileSync(join(directory, 'package.json'), '{ "type": "module" }')
      writeFileSync(file, source)
      return (await run(process.execPath, [file])).stdout
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  }

  test('starts a node in five lines', async () => {
    const [first] = examples
    expect(first!.trim().split('\n')).toHaveLength(5)
    expect(await output(first!)).toBe('0x0\n')
  })

  test('sends a transaction through viem, in the process', async () => {
    expect(examples).toHaveLength(2)
    expect(await output(examples[1]!)).toMatch(/^block 1: 0x[0-9a-f]{64}\nsuccess 1n 9998\d+n\n$/)
  })
})

test('a node is a provider: viem’s answers, and errors with code and words', async () => {
  const node = create({ dev: true })
  await node.start()
  const client = createPublicClient({ chain: anvil, transport: custom(node) })
  expect(await client.getChainId()).toBe(31_337)
  const refused = node.request({ method: 'eth_getBalance', params: ['0x12'] })
  await expect(refused).rejects.toBeInstanceOf(ProviderError)
  await expect(refused).rejects.toMatchObject({
    code: -32602,
    message: expect.stringContaining('argument 0 (address)'),
  })
  await expect(node.request({ method: 'eth_nothing' })).rejects.toMatchObject({ code: -32601 })
  // Whatever is served to others, the program itself may do.
  expect(await node.request({ method: 'miner_setGasLimit', params: ['0x1000000'] })).toBe(true)
  expect(await node.request({ method: 'rpc_modules' })).toHaveProperty('miner')
})

test('heads are told in order, before and after a restart, until that is ended', async () => {
  const node = create({ dev: true })
  const heads: NodeHead[] = []
  const end = node.onHead((head) => heads.push(head))
  await node.start()
  await node.request({ method: 'hardhat_mine', params: ['0x3'] })
  const { hash } = (await node.request({ method: 'eth_getBlockByNumber', params: ['0x3', false] })) as { hash: string }
  expect(heads.map(({ number }) => number)).toEqual([1, 2, 3])
  expect(heads[2]).toMatchObject({ hashHex: hash })
  await node.stop()
  expect(() => node.status()).toThrow('does not run')
  await node.start()
  await node.request({ method: 'evm_mine' })
  end()
  await node.request({ method: 'evm_mine' })
  // Without a data directory a development chain begins anew.
  expect(heads.map(({ number }) => number)).toEqual([1, 2, 3, 1])
})

test('starts and stops come one after the other, and a second start leaves the first alone', async () => {
  const datadir = temporaryDirectory()
  const light = createLightNode({ datadir, bootnodes: [] })
  for (const node of [create({ dev: true }), light]) {
    const [started, stopped] = [node.start(), node.stop()]
    await started
    await stopped
    expect(() => node.status()).toThrow('does not run')
    await node.start()
    await expect(node.start()).rejects.toThrow('runs already')
    expect(await node.request({ method: 'net_listening' })).toBeTypeOf('boolean')
    await Promise.all([node.stop(), node.stop()])
  }
  rmSync(datadir, { recursive: true })
})

test('the default network needs a directory, and nothing more', async () => {
  await expect(create({}).start()).rejects.toBeInstanceOf(ConfigError)
  const datadir = temporaryDirectory()
  const node = create({ datadir })
  await node.start()
  expect(await node.request({ method: 'eth_chainId' })).toBe('0x4e95')
  expect(node.rpcUrl).toBeUndefined()
  await expect(node.request({ method: 'evm_mine' })).rejects.toMatchObject({ code: -32601 })
  await expect(node.request({ method: 'miner_start' })).rejects.toMatchObject({ code: -32601 })
  await node.stop()
  rmSync(datadir, { recursive: true })
})
