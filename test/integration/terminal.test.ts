import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { fromHex } from '../../src/primitives/bytes.ts'
import { encryptKeystore } from '../../src/wallet/keystore.ts'
import { listAccounts, saveKeystore } from '../../src/wallet/keystore-directory.ts'
import { NodeProcess } from '../support/node-process.ts'
import { Terminal } from '../support/terminal.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** `idobata` on a pseudo-terminal: what it asks, what it shows, and what it does not. */

// Every step is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 240_000 })

const PASSWORD = 'canary-password-9e2'
/** The second account of the development network. */
const KEY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'
const FRIEND = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
/** A foreground colour; what else inquirer and readline write moves the cursor. */
const COLOUR = /\[3\dm/

const directory = temporaryDirectory()
const datadir = join(directory, 'wallet')
const terminals: Terminal[] = []
let node: NodeProcess
let url: string

function open(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Terminal {
  const terminal = new Terminal(args, { IDOBATA_DATADIR: datadir, IDOBATA_RPC: url, ...environment })
  terminals.push(terminal)
  return terminal
}

beforeAll(async () => {
  node = new NodeProcess(['start', '--dev', '--datadir', join(directory, 'node'), '--http.port', '0'])
  url = await node.rpcUrl()
  const keystore = await encryptKeystore(fromHex(KEY), PASSWORD, { n: 2, r: 8, p: 1 })
  await saveKeystore(join(datadir, 'keystore'), keystore, 0)
})

afterEach(() => {
  for (const terminal of terminals) terminal.kill()
})

afterAll(async () => {
  await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

describe('a new account', () => {
  test('gets its password typed twice, unseen', async () => {
    const keystore = join(directory, 'typed')
    const terminal = open(['account', 'new', '--keystore', keystore])
    await terminal.shows('New password:')
    terminal.type(`${PASSWORD}\r`)
    await terminal.shows('The same again:')
    terminal.type(`${PASSWORD}\r`)
    await terminal.shows('Keep the file and its password')
    expect(await terminal.ended()).toBe(0)
    expect(terminal.screen).not.toContain('canary')
    expect(await listAccounts(keystore)).toHaveLength(1)
  })

  test.each([
    ['typed differently the second time', `${PASSWORD}\r`, 'other\r', 'idobata: the two passwords differ', 2],
    ['that is empty', '\r', undefined, 'idobata: the password is empty', 2],
    ['given up', '\x03', undefined, 'idobata: interrupted', 1],
  ])('is not made with a password %s', async (_, first, second, line, exitCode) => {
    const keystore = join(directory, 'not-made')
    const terminal = open(['account', 'new', '--keystore', keystore])
    await terminal.shows('New password:')
    terminal.type(first)
    if (second !== undefined) {
      await terminal.shows('The same again:')
      terminal.type(second)
    }
    await terminal.shows(line)
    expect(await terminal.ended()).toBe(exitCode)
    expect(() => readdirSync(keystore)).toThrow('ENOENT')
  })
})

test('a key is typed unseen, and told to be in the keystore already', async () => {
  const terminal = open(['account', 'import'])
  await terminal.shows('Private key or mnemonic:')
  terminal.type(`${KEY}\r`)
  await terminal.shows('New password:')
  terminal.type(`${PASSWORD}\r`)
  await terminal.shows('The same again:')
  terminal.type(`${PASSWORD}\r`)
  await terminal.shows('is there already')
  expect(await terminal.ended()).toBe(1)
  expect(terminal.screen).not.toContain(KEY.slice(2, 20))
})

describe('a transfer', () => {
  const send = ['send', '--chain-id', '31337', '--to', FRIEND, '--value', '1.5', '--wait']

  test('is shown before it is sent, and sent when the answer is yes', async () => {
    const terminal = open(send)
    await terminal.shows(`to        ${FRIEND}`)
    await terminal.shows('value     1.5 coins')
    await terminal.shows('at most 0.0000')
    await terminal.shows('Send it?')
    terminal.type('y\r')
    await terminal.shows('Password of 0x70997970C51812dc3A010C7d01b50e0d17dc79C8:')
    terminal.type(`${PASSWORD}\r`)
    await terminal.shows('status  success')
    expect(await terminal.ended()).toBe(0)
    expect(terminal.screen).not.toContain('canary')
    expect(terminal.screen).toMatch(COLOUR)
  })

  test('is not sent at any other answer; where colours are not wanted there are none', async () => {
    const terminal = open(send, { NO_COLOR: '1' })
    await terminal.shows('Send it?')
    terminal.type('\r')
    await terminal.shows('idobata: not sent')
    expect(await terminal.ended()).toBe(1)
    expect(terminal.screen).not.toMatch(COLOUR)
  })
})

test('the console completes what the node serves, goes on after mistakes, and remembers', async () => {
  const terminal = open(['attach'])
  await terminal.shows('> ')
  terminal.type('eth.chai\t')
  await terminal.shows('eth.chainId(')
  terminal.type(')\r')
  await terminal.shows('"0x7a69"')
  terminal.type('nonsense\r')
  await terminal.shows('a call looks like')
  terminal.type('half a line\x03eth_getBalance 0x70 latest\r')
  await terminal.shows('eth_getBalance: ')
  terminal.type('\x04')
  expect(await terminal.ended()).toBe(0)
  expect(statSync(join(datadir, 'history')).mode & 0o777).toBe(0o600)

  const later = open(['attach'])
  await later.shows('> ')
  later.type('\x1b[A\x1b[A\x1b[A')
  await later.shows('eth.chainId()')
  later.type('\r')
  await later.shows('"0x7a69"')
  later.type('\x03')
  expect(await later.ended()).toBe(0)
})

test('a node shows what it is, its accounts and one line that stays; Ctrl-C stops it', async () => {
  const terminal = open(['start', '--dev', '--datadir', join(directory, 'shown'), '--http.port', '0'])
  await terminal.shows(join(directory, 'shown'))
  await terminal.shows('chainId 31337')
  await terminal.shows('http://127.0.0.1:')
  await terminal.shows('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')
  await terminal.shows('· 0 txs')
  terminal.type('\x03')
  await terminal.shows('stopped')
  expect(await terminal.ended()).toBe(0)
})
