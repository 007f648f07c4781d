import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { parseEther } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Failure } from '../../src/cli/exit.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import { encryptKeystore } from '../../src/wallet/keystore.ts'
import { saveKeystore } from '../../src/wallet/keystore-directory.ts'
import { failureOf } from '../support/failure-of.ts'
import { type Ending, NodeProcess, run } from '../support/node-process.ts'
import { temporaryDirectory } from '../support/test-chain.ts'

/** `idobata` as processes of its own against a running node, as people and scripts use it. */

// Every step is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 240_000 })

const PASSWORD = 'canary-password-7c1'
const KEY = `0x${'5e'.repeat(31)}01` as const
const RICH = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const FRIEND = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const OWN = privateKeyToAccount(KEY).address

const directory = temporaryDirectory()
const datadir = join(directory, 'wallet')
const keystore = join(datadir, 'keystore')
const passwordFile = join(directory, 'password')
const endings: Ending[] = []
let node: NodeProcess
let url: string

/** What a command came to; everything that it said is kept for the last test. */
async function idobata(args: readonly string[], input?: string): Promise<Ending> {
  const ending = await run(args, { IDOBATA_DATADIR: datadir, IDOBATA_RPC: url }, input)
  endings.push(ending)
  return ending
}

/** What a command would come to that fails before it has done anything. */
const refused = (args: readonly string[]) => failureOf(args, { IDOBATA_DATADIR: datadir, IDOBATA_RPC: url })

async function json(args: readonly string[], input?: string): Promise<Record<string, unknown>> {
  const { exitCode, stdout, stderr } = await idobata([...args, '--json'], input)
  expect(exitCode, stderr).toBe(0)
  return JSON.parse(stdout)
}

beforeAll(async () => {
  writeFileSync(passwordFile, `${PASSWORD}\nnot this line\n`)
  node = new NodeProcess(['start', '--dev', '--datadir', join(directory, 'node'), '--http.port', '0'])
  url = await node.rpcUrl()
  // At a cost that no test has to wait for; `account new` pays the full one.
  await saveKeystore(keystore, await encryptKeystore(fromHex(KEY), PASSWORD, { n: 2, r: 8, p: 1 }), 0)
})

afterAll(async () => {
  await node.kill()
  rmSync(directory, { recursive: true, force: true })
})

test('a stranger makes an account, is given coins, sends some on, and finds all of it again', async () => {
  const own = join(directory, 'stranger')
  const made = await json(['account', 'new', '--mnemonic', '--keystore', own, '--password', passwordFile])
  const address = String(made.address)
  expect(statSync(String(made.file)).mode & 0o777).toBe(0o600)
  expect(String(made.mnemonic).split(' ')).toHaveLength(12)
  expect(await json(['account', 'list', '--keystore', own])).toEqual([{ address, file: made.file }])
  expect(await json(['balance', address])).toEqual({ address, wei: '0', coins: '0' })

  const given = await json(['send', '--dev', '--from', RICH, '--to', address, '--value', '2.5', '--yes', '--wait'])
  expect(given).toMatchObject({
    chainId: 31337,
    from: RICH,
    to: address,
    value: parseEther('2.5').toString(),
    nonce: 0,
  })
  expect(given.receipt).toMatchObject({ status: '0x1', transactionHash: given.hash })
  expect(await json(['balance', address])).toMatchObject({ coins: '2.5' })

  const send = ['send', '--keystore', own, '--chain-id', '31337', '--password', passwordFile, '--yes', '--wait']
  const sent = await idobata([...send, '--to', FRIEND, '--value', '1', '--max-fee', '9gwei', '--priority-fee', '2gwei'])
  expect(sent).toMatchObject({ exitCode: 0, stderr: '' })
  const hash = /^hash +(0x[0-9a-f]{64})$/m.exec(sent.stdout)![1]!
  expect(sent.stdout).toMatch(/^status +success$/m)

  const { transaction, receipt } = await json(['tx', hash])
  expect(transaction).toMatchObject({ hash, from: address.toLowerCase(), maxFeePerGas: '0x218711a00' })
  expect(receipt).toMatchObject({ status: '0x1', transactionHash: hash })
  const shown = await idobata(['tx', hash])
  expect(shown.stdout).toMatch(new RegExp(`^hash +${hash}\nstatus +success\nblock +2 0x[0-9a-f]{64}\nfee `))
  expect(shown.stdout).toMatch(new RegExp(`^from +${address}\nto +${FRIEND}\nvalue +1 coins\nnonce +0\n`, 'm'))
  const { blockHash } = receipt as { blockHash: string }
  for (const which of ['latest', '2', '0x2', blockHash]) {
    expect(await json(['block', which])).toMatchObject({ hash: blockHash, transactions: [hash] })
  }
  expect((await idobata(['block'])).stdout).toMatch(new RegExp(`^number +2\nhash +${blockHash}\n`))
  expect((await idobata(['balance', FRIEND])).stdout).toBe(`address  ${FRIEND}\nbalance  10001 coins\n`)
  expect(await json(['balance', FRIEND, '--block', '1'])).toMatchObject({ coins: '10000' })
})

describe('keys', () => {
  const importFrom = (name: string) => {
    const own = join(directory, name)
    return ['account', 'import', '-', '--keystore', own, '--password', passwordFile]
  }

  test('are imported from hex on standard input, once', async () => {
    expect(await json(importFrom('hex'), `${KEY.slice(2)}\n`)).toMatchObject({ address: OWN })
    expect(await idobata(importFrom('hex'), KEY)).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringMatching(/^idobata: 0x[0-9a-f]{40} is there already, in \S+\n$/),
    })
  })

  test('are imported from a mnemonic', async () => {
    expect(await json(importFrom('words'), `${'test '.repeat(11)}junk\n`)).toMatchObject({ address: RICH })
  })

  test('are imported from another keystore, under its own password, and exported', async () => {
    const own = join(directory, 'copies')
    const [name] = readdirSync(keystore)
    await json(['account', 'import', join(keystore, name!), '--keystore', own, '--password', passwordFile])
    const exported = await run(['account', 'export', OWN, '--keystore', own, '--password', '-'], {}, `${PASSWORD}\n`)
    expect(exported).toEqual({ exitCode: 0, stdout: `${KEY}\n`, stderr: '' })
  })

  test('of a keystore that asks for absurd work are refused at once', async () => {
    const absurd = JSON.parse(readFileSync(join(keystore, readdirSync(keystore)[0]!), 'utf8'))
    absurd.crypto.kdfparams.n = 2 ** 40
    const { exitCode, stderr } = await idobata(
      ['account', 'import', '-', '--password', passwordFile],
      JSON.stringify(absurd),
    )
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/^idobata: [^\n]*scrypt cost[^\n]*\n$/),
    })
  })

  test.each([
    ['nonsense', 'neither a private key'],
    ['0'.repeat(64), 'no key of secp256k1'],
    [`${'test '.repeat(11)}test`, 'wrong checksum'],
    ['{"version":', 'no JSON'],
    ['x'.repeat(70_000), 'longer than'],
  ])('that are none are refused: %s', async (content, reason) => {
    const file = join(directory, 'key')
    writeFileSync(file, content)
    const { line, exitCode } = await refused(['account', 'import', file, '--password', passwordFile])
    expect(exitCode).toBe(2)
    expect(line).toMatch(new RegExp(`^idobata: file: [^\n]*${reason}[^\n]*$`))
  })
})

describe('rpc and attach', () => {
  test('take parameters as JSON or text, and print JSON', async () => {
    expect(await idobata(['rpc', 'eth_chainId'])).toMatchObject({ exitCode: 0, stdout: '"0x7a69"\n', stderr: '' })
    const block = await idobata(['rpc', 'eth_getBlockByNumber', '0x0', 'false'])
    expect(JSON.parse(block.stdout)).toMatchObject({ number: '0x0' })
    const raw = ['rpc', '--raw', 'eth_getBlockByNumber']
    expect((await idobata([...raw, '["0x0", false]'])).stdout).toBe(block.stdout)
    expect((await idobata(raw, '["0x0", false]')).stdout).toBe(block.stdout)
  })

  test('say in one line what the node refuses', async () => {
    expect(await idobata(['rpc', 'eth_nothing'])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'idobata: eth_nothing: the method eth_nothing does not exist/is not available (code -32601)\n',
    })
    const two = await idobata(['rpc', '--raw', 'eth_chainId', '[]', '[]'])
    expect(two).toMatchObject({ exitCode: 2, stderr: 'idobata: --raw: takes one parameter\n' })
  })

  test('a script on standard input goes on after a mistake, and its exit code tells', async () => {
    const script = `eth.chainId()\n\nnonsense\neth_getBalance ${FRIEND} earliest\n`
    expect(await idobata(['attach'], script)).toEqual({
      exitCode: 1,
      stdout: '"0x7a69"\n"0x21e19e0c9bab2400000"\n',
      stderr: 'idobata: a call looks like eth.blockNumber() or eth_getBalance ADDRESS latest\n',
    })
    expect(await idobata(['attach', url], 'eth.chainId()')).toMatchObject({ exitCode: 0, stdout: '"0x7a69"\n' })
  })
})

describe('a mistake is one line with its place and an exit code', () => {
  const send = (...more: string[]) => ['send', '--from', OWN, '--to', FRIEND, '--value', '1', ...more]
  const onDev = ['--chain-id', '31337']

  test.each<[string, number, string[], RegExp]>([
    ['a checksum', 2, ['balance', RICH.replace('f39F', 'f39f')], /address: "0xf39f\w+" is mistyped/],
    ['a recipient', 2, [...send(), '--to', '0x12'], /--to: "0x12" is no address/],
    ['an amount', 2, [...send(), '--value', '1,5'], /--value: "1,5" is no amount/],
    ['a fee without a unit', 2, [...send(), '--max-fee', '30'], /--max-fee: "30" has no unit: 30gwei, 30wei\?/],
    ['data', 2, [...send(), '--data', '0x1'], /--data: "0x1" is no hex/],
    ['a nonce', 2, [...send(), '--nonce', '-1'], /--nonce: "-1" is no whole number/],
    ['the chain', 2, send('--yes'), /is on chain 31337, not 20117; if that is meant, give --chain-id 31337/],
    ['an empty account', 1, [...send('--yes'), ...onDev], /has 0 coins and needs 1, fee included/],
    ['an account that is not there', 2, [...send(), '--from', FRIEND], new RegExp(`${FRIEND} is not in \\S+keystore`)],
    ['a block', 2, ['block', 'newest'], /block: "newest" is neither/],
    ['a block that is not there', 1, ['block', '99999'], /has no block 99999/],
    ['a transaction that is not there', 1, ['tx', `0x${'00'.repeat(32)}`], /knows no transaction 0x0+/],
    ['a hash', 2, ['tx', '0x12'], /hash: "0x12" is no hash/],
    [
      'a password file',
      2,
      ['account', 'new', '--password', '/nonexistent'],
      /--password: the file cannot be read \(ENOENT\)/,
    ],
    ['no terminal for a password', 2, ['account', 'new'], /there is no terminal to ask on; give --password FILE/],
    ['no terminal for a key', 2, ['account', 'import'], /there is no terminal to ask on; give a FILE/],
    ['an address of no node', 2, ['attach', 'localhost'], /--rpc: "localhost" is no http/],
  ])('%s', async (_, exitCode, args, message) => {
    const failure = await refused(args)
    expect(failure.exitCode).toBe(exitCode)
    expect(failure.line).toMatch(new RegExp(`^idobata: [^\n]*${message.source}[^\n]*$`))
  })

  test.each<[string, string[], RegExp]>([
    ['a missing option', ['send', '--to', FRIEND], /required option '--value <amount>' not specified/],
    ['a mistyped option', ['start', '--http.prt', '1'], /unknown option '--http.prt' \(Did you mean --http.port\?\)/],
    ['a mistyped command', ['acount'], /unknown command 'acount' \(Did you mean account\?\)/],
  ])('%s, before anything is done', async (_, args, message) => {
    const ending = await idobata(args)
    expect(ending).toMatchObject({ exitCode: 2, stdout: '' })
    expect(ending.stderr).toMatch(new RegExp(`^idobata: [^\n]*${message.source}[^\n]*\n$`))
  })

  test('a secret in the place of a file is not repeated', async () => {
    for (const args of [
      ['account', 'import', KEY],
      ['account', 'new', '--password', PASSWORD],
      send(...onDev, '--yes', '--rpc.tokenfile', PASSWORD),
    ]) {
      const { exitCode, stderr } = await idobata(args)
      expect(exitCode).toBe(2)
      expect(stderr).toMatch(/^idobata: (file|--password|--rpc\.tokenfile): the file cannot be read \(ENOENT\)\n$/)
    }
  })

  test('a node that is not there, and how to start one', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    // A connection's own port: nobody can listen there as long as it stands.
    const connection = connect((server.address() as AddressInfo).port, '127.0.0.1')
    await once(connection, 'connect')
    const at = `http://127.0.0.1:${connection.localPort}`
    expect(await idobata(['balance', FRIEND, '--rpc', at])).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: `idobata: no node answers at ${at} (ECONNREFUSED); start one with \`idobata start\`, or give another --rpc\n`,
    })
    connection.destroy()
    server.close()
  })

  test('sending without being asked takes a terminal, or --yes', async () => {
    const { exitCode, stderr } = await idobata(
      send(...onDev, '--value', '0', '--max-fee', '0wei', '--priority-fee', '0wei'),
    )
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/\nidobata: there is no terminal to ask on; give --yes\n$/)
  })

  test('a wrong password names the file and sends nothing', async () => {
    const args = ['send', '--dev', '--from', RICH, '--to', OWN, '--value', '3', '--yes', '--wait']
    expect((await idobata(args)).exitCode).toBe(0)
    const { exitCode, stdout, stderr } = await idobata(send(...onDev, '--yes', '--password', '-'), 'guess\n')
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toMatch(/^idobata: \S+keystore\/UTC--\S+: wrong password for this keystore/)
    expect(await json(['balance', OWN])).toMatchObject({ coins: '3' })
  })
})

describe('what answers may be no node', () => {
  /** Runs `args` against a server that gives each method its answer. */
  async function against(answers: Readonly<Record<string, unknown>>, args: readonly string[]): Promise<Failure> {
    const server = createServer(async (request, response) => {
      const { text } = await import('node:stream/consumers')
      const { id, method } = JSON.parse(await text(request))
      const answer = answers[method]
      response.end(typeof answer === 'function' ? answer() : JSON.stringify({ jsonrpc: '2.0', id, result: answer }))
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    try {
      return await refused([...args, '--rpc', `http://127.0.0.1:${(server.address() as AddressInfo).port}`])
    } finally {
      server.close()
    }
  }
  const send = ['send', '--from', OWN, '--to', FRIEND, '--value', '1', '--yes', '--password', passwordFile]
  const sane = {
    eth_chainId: '0x4e95',
    eth_getTransactionCount: '0x0',
    eth_getBalance: '0x21e19e0c9bab2400000',
    eth_maxPriorityFeePerGas: '0x3b9aca00',
    eth_feeHistory: { baseFeePerGas: ['0x1', '0x1'] },
    eth_estimateGas: '0x5208',
  }

  test('fees that would eat a fortune are refused', async () => {
    expect(await against({ ...sane, eth_maxPriorityFeePerGas: '0x9184e72a0000' }, send)).toEqual({
      exitCode: 1,
      line: expect.stringMatching(/the fee would be up to \S+ coins; if that is meant, give --max-fee and --gas$/),
    })
  })

  test.each([
    ['a number that is none', { ...sane, eth_getBalance: '\x1b[2J' }, /a balance that is no quantity/],
    ['fees that are missing', { ...sane, eth_feeHistory: {} }, /a base fee that is no quantity/],
    ['a page', { eth_chainId: () => '<html>' }, /does not answer as a JSON-RPC server: HTTP status 200, "<html>"/],
    [
      'orders to the terminal',
      { eth_chainId: () => JSON.stringify({ error: { code: 1, message: 'a\x1b[2Jb\nc' } }) },
      /eth_chainId: a \[2Jb c \(code 1\)/,
    ],
  ])('%s', async (_, answers, message) => {
    const { line, exitCode } = await against(answers, send)
    expect(exitCode).toBe(1)
    expect(line).toMatch(new RegExp(`^idobata: [^\n\x1b]*${message.source}$`))
  })
})

describe('output that nobody reads any more', () => {
  test('ends a command without a word', async () => {
    const command = new NodeProcess(['rpc', 'eth_chainId'], { IDOBATA_RPC: url })
    command.closeOutput()
    expect(await command.ended()).toEqual({ exitCode: 0, stdout: '', stderr: '' })
  })

  test('stops a node as a signal does', async () => {
    const own = join(directory, 'piped')
    const piped = new NodeProcess(['start', '--dev', '--datadir', own, '--http.port', '0', '--verbosity', '4'])
    const there = await piped.rpcUrl()
    piped.closeOutput()
    const args = ['send', '--dev', '--from', RICH, '--to', FRIEND, '--value', '1', '--yes', '--wait']
    await run([...args, '--rpc', there, '--datadir', datadir])
    expect(await piped.ended()).toMatchObject({ exitCode: 0, stderr: '' })
    expect(readdirSync(own)).not.toContain('pid')
  })
})

describe.runIf(existsSync('/dev/full'))('output that cannot be written', () => {
  const within = ['sh', '-c', 'exec "$@" > /dev/full', 'sh']
  const ended = { exitCode: 1, stdout: '', stderr: 'idobata: the output cannot be written (ENOSPC)\n' }

  test('is told by a command in one line', async () => {
    expect(await new NodeProcess(['config'], {}, undefined, within).ended()).toEqual(ended)
  })

  test('stops a node as a signal does', async () => {
    const own = join(directory, 'full')
    const node = new NodeProcess(['start', '--dev', '--datadir', own, '--http.port', '0'], {}, undefined, within)
    expect(await node.ended()).toEqual(ended)
    expect(readdirSync(own)).not.toContain('pid')
  })
})

test('settings come from the file in the data directory, and `config` says so', async () => {
  writeFileSync(join(datadir, 'config.toml'), 'verbosity = 4\n[http]\nport = 9000\n')
  try {
    const settings = await json(['config'])
    expect(settings).toMatchObject({
      'http.port': { value: 9000, origin: `${join(datadir, 'config.toml')}: http.port` },
      rpc: { value: url, origin: 'IDOBATA_RPC' },
      mine: { value: false, origin: 'default' },
    })
    const asked = await run(['rpc', 'eth_chainId'], { IDOBATA_DATADIR: datadir })
    expect(asked.stderr).toContain('http://127.0.0.1:9000')
    writeFileSync(join(datadir, 'config.toml'), 'verbosity = 4\nport = ')
    expect(await idobata(['config'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^idobata: \S+config\.toml:2: [^\n]+\n$/),
    })
  } finally {
    rmSync(join(datadir, 'config.toml'))
  }
})

test('neither password nor key has been shown by anything above, the node included', async () => {
  node.signal('SIGTERM')
  const all = [...endings, await node.ended()].map(({ stdout, stderr }) => stdout + stderr).join('')
  expect(endings.length).toBeGreaterThan(25)
  for (const secret of [PASSWORD, 'canary', KEY.slice(2), 'test test', 'not this line'])
    expect(all).not.toContain(secret)
})
