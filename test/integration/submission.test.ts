import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { describeFailure } from '../../src/cli/exit.ts'
import { RECEIPT_SILENCE_MS } from '../../src/cli/limits.ts'
import { createProgram } from '../../src/cli/program.ts'
import { NodeProcess } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** `idobata send` to a node that takes transactions, behind something that loses or makes up answers. */

const RICH = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const FRIEND = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const SEND = ['send', '--dev', '--from', RICH, '--to', FRIEND, '--value', '1', '--yes']

const directory = temporaryDirectory()
let node: NodeProcess
let url: string

beforeAll(async () => {
  node = new NodeProcess(['start', '--dev', '--http.port', '0'])
  url = await node.rpcUrl()
})

afterEach(() => {
  vi.restoreAllMocks()
})

afterAll(async () => {
  await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

/** What is answered in the node's place. undefined: nothing, the connection drops. */
type Answer = (forward: () => Promise<string>) => Promise<string | undefined> | string | undefined

const lost: Answer = () => undefined
const takenButLost: Answer = async (forward) => void (await forward())
/** The user loses patience, and no answer comes. */
const interrupted: Answer = () => {
  process.emit('SIGINT')
  return undefined
}
const error = (code: number, message: string) => () => JSON.stringify({ error: { code, message } })
const result = (value: unknown) => () => JSON.stringify({ result: value })

interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly line: string
  /** Methods called, in order. */
  readonly calls: readonly string[]
}

/** Runs `args` in this process against the node, with some methods answered otherwise. */
async function send(answers: Readonly<Record<string, Answer>>, ...more: readonly string[]): Promise<Outcome> {
  const calls: string[] = []
  const server = createServer(async (request, response) => {
    const body = await text(request)
    const { method } = JSON.parse(body)
    calls.push(method)
    const headers = { 'content-type': 'application/json' }
    const forward = async () => (await fetch(url, { method: 'POST', headers, body })).text()
    const answer = await (answers[method] ?? ((pass) => pass()))(forward)
    if (answer === undefined) request.socket.destroy()
    else response.writeHead(answer.startsWith('<') ? 502 : 200).end(answer)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const rpc = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let stdout = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    stdout += chunk
    return true
  })
  const args = [...SEND, ...more, '--rpc', rpc, '--datadir', directory]
  try {
    await (await createProgram(args)).parseAsync(args, { from: 'user' })
    return { exitCode: 0, stdout, line: '', calls }
  } catch (failure) {
    return { ...describeFailure(failure), stdout, calls }
  } finally {
    write.mockRestore()
    server.close()
    server.closeAllConnections()
  }
}

async function ask(method: string, ...params: unknown[]): Promise<unknown> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return ((await response.json()) as { result: unknown }).result
}

const nonceOf = async () => Number(await ask('eth_getTransactionCount', RICH, 'latest'))

describe('a transaction whose answer gets lost', () => {
  test.each<[string, Answer]>([
    ['the connection drops', takenButLost],
    ['a gateway gives up', async (forward) => `<html>${(await forward()).length}</html>`],
    ['something between asks twice', async (forward) => (await forward()) && forward()],
  ])('is sent if the node knows it: %s', async (_, answer) => {
    const nonce = await nonceOf()
    const { exitCode, stdout, line } = await send({ eth_sendRawTransaction: answer }, '--json')
    expect({ exitCode, line }).toEqual({ exitCode: 0, line: '' })
    expect(await ask('eth_getTransactionReceipt', JSON.parse(stdout).hash)).toMatchObject({ status: '0x1' })
    expect(await nonceOf()).toBe(nonce + 1)
  })

  test.each<[string, Answer, Answer?]>([
    ['the connection drops', lost],
    ['the node is gone', takenButLost, lost],
    ['a gateway gives up', () => '<html>Bad Gateway</html>'],
    ['the node takes too long', error(-32002, 'request timed out')],
    ['the node fails', error(-32603, 'internal error')],
    ['the answer is no hash', result(null)],
  ])('may be sent otherwise: %s', async (_, answer, lookup) => {
    const nonce = await nonceOf()
    const answers = { eth_sendRawTransaction: answer, ...(lookup && { eth_getTransactionByHash: lookup }) }
    const { exitCode, stdout, line, calls } = await send(answers, '--json', '--wait')
    const { hash } = JSON.parse(stdout)
    expect(hash).toMatch(/^0x[0-9a-f]{64}$/)
    expect({ exitCode, line }).toEqual({
      exitCode: 1,
      line: `idobata: ${hash} may have been sent; ask \`idobata tx ${hash}\` before sending again (nonce ${nonce})`,
    })
    expect(calls.slice(-2)).toEqual(['eth_sendRawTransaction', 'eth_getTransactionByHash'])
  })

  test.each<[string, Readonly<Record<string, Answer>>, string]>([
    ['while it is handed over', { eth_sendRawTransaction: interrupted }, 'may have been sent'],
    ['while its block is waited for', { eth_getTransactionReceipt: interrupted }, 'was sent'],
  ])('its hash is told to whoever interrupts: %s', async (_, answers, told) => {
    const listeners = process.listenerCount('SIGINT')
    const { exitCode, stdout, line } = await send(answers, '--json', '--wait')
    const { hash } = JSON.parse(stdout)
    expect({ exitCode, line }).toEqual({ exitCode: 1, line: expect.stringContaining(`${hash} ${told}`) })
    expect(process.listenerCount('SIGINT')).toBe(listeners)
  })

  test('is sent if the node has it already', async () => {
    const answers = { eth_sendRawTransaction: error(-32000, 'already known'), eth_getTransactionByHash: result(null) }
    const { exitCode, stdout } = await send(answers)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^hash +0x[0-9a-f]{64}\n$/)
  })

  test('is not sent if the node refuses it', async () => {
    const refused = await send({ eth_sendRawTransaction: error(-32000, 'txpool is full') }, '--json')
    expect(refused).toMatchObject({
      exitCode: 1,
      stdout: '',
      line: 'idobata: eth_sendRawTransaction: txpool is full (code -32000)',
    })
  })
})

describe('waiting for a block', () => {
  test('goes on when the node does not answer for a moment', async () => {
    const troubles = [lost, error(-32603, 'internal error'), () => '<html>Bad Gateway</html>', result(null)]
    const answers: Record<string, Answer> = {
      eth_getTransactionReceipt: (forward) => (troubles.shift() ?? ((pass) => pass()))(forward),
    }
    const { exitCode, stdout } = await send(answers, '--json', '--wait')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout).receipt).toMatchObject({ status: '0x1' })
    expect(troubles).toEqual([])
  })

  test('ends when it does not answer for long, with the hash', async () => {
    let passedMs = 0
    const now = performance.now.bind(performance)
    vi.spyOn(performance, 'now').mockImplementation(() => now() + passedMs)
    const polled: Answer = () => {
      passedMs += RECEIPT_SILENCE_MS
      return undefined
    }
    const { exitCode, stdout, line } = await send({ eth_getTransactionReceipt: polled }, '--json', '--wait')
    const { hash, receipt } = JSON.parse(stdout)
    expect({ exitCode, receipt }).toEqual({ exitCode: 1, receipt: undefined })
    expect(line).toMatch(
      new RegExp(`^idobata: ${hash} was sent, but whether it is mined is not known: no node answers`),
    )
  })
})

describe('fees of more than a coin', () => {
  const dear = ['--max-fee', '50000gwei']

  test.each<[string, string[]]>([
    ['with gas that the node names', dear],
    ['at a price that the node names', ['--gas', '21000']],
  ])('are refused %s', async (_, options) => {
    const tip = result('0x2d79883d2000') // 50000 gwei
    const { exitCode, line, calls } = await send({ eth_maxPriorityFeePerGas: tip }, ...options)
    expect(exitCode).toBe(1)
    expect(line).toMatch(/^idobata: the fee would be up to 1\.05\S* coins; if that is meant, give --max-fee and --gas$/)
    expect(calls).not.toContain('eth_sendRawTransaction')
  })

  test('are paid when gas and price are both given', async () => {
    expect(await send({}, ...dear, '--priority-fee', '1gwei', '--gas', '21000')).toMatchObject({ exitCode: 0 })
  })
})
