import { execFile } from 'node:child_process'
import { generateKeyPairSync, sign } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { parseGenesis } from '../../src/chain/genesis.ts'
import { transactionHash } from '../../src/crypto/hashes.ts'
import { privateKeyToAddress, signTransaction } from '../../src/crypto/noble.ts'
import { encodeBlock } from '../../src/primitives/block.ts'
import { bigintToBytes, bytesToBigint, concatBytes, toHex } from '../../src/primitives/bytes.ts'
import { encryptKeystore } from '../../src/wallet/keystore.ts'
import { makeBlock } from '../support/block-maker.ts'
import { londonEngine } from '../support/london-engine.ts'
import { openTestChain } from '../support/test-chain.ts'
import { testKey, transferFields } from '../support/transactions.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const SHARED_VECTORS = join(import.meta.dirname, '../../../shared/vectors')

function conformance(...args: string[]): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout + stderr })
    })
  })
}

const roots: string[] = []
let vectors: string
beforeEach(() => {
  vectors = mkdtempSync(join(tmpdir(), 'idobata-conformance-'))
  roots.push(vectors)
})
afterAll(() => {
  for (const root of roots) rmSync(root, { recursive: true })
})

function write(path: string, content: unknown): void {
  const file = join(vectors, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
}

const transfer = signTransaction(transferFields({ chainId: 1n }), testKey(1))
const london = {
  hash: toHex(transactionHash(transfer)),
  sender: toHex(privateKeyToAddress(testKey(1))),
  intrinsicGas: '0x5208',
}
const txbytes = toHex(transfer.raw)

const MESSAGE = Uint8Array.of(1, 2, 3)
const hex = (bytes: Uint8Array) => toHex(bytes).slice(2)

/** One signature of MESSAGE by another implementation: r ‖ s with low and with high s, and in DER. */
const signatures = (() => {
  const pair = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const { x, y } = pair.publicKey.export({ format: 'jwk' })
  const publicKey = concatBytes(Uint8Array.of(4), Buffer.from(`${x}`, 'base64url'), Buffer.from(`${y}`, 'base64url'))
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const signed = new Uint8Array(sign('sha256', MESSAGE, { key: pair.privateKey, dsaEncoding: 'ieee-p1363' }))
  const s = bytesToBigint(signed.subarray(32))
  const flipped = concatBytes(signed.subarray(0, 32), bigintToBytes(order - s, 32))
  const p1363 = s <= order / 2n ? ([signed, flipped] as const) : ([flipped, signed] as const)
  const der = new Uint8Array(sign('sha256', MESSAGE, { key: pair.privateKey, dsaEncoding: 'der' }))
  return { publicKey, p1363, der }
})()

describe('conformance runner', () => {
  it('passes what conforms, at any depth, and skips what is not there', async () => {
    write('rlp/deep/er/cases.json', {
      _info: 'a note',
      dog: { in: 'dog', out: '0x83646f67' },
      list: { in: [1, ['#1024']], out: 'c501c3820400' },
      broken: { in: 'INVALID', out: '8100' },
      nested: { in: 'VALID', out: '0xc1c0' },
    })
    write(
      'rlp/wide.json',
      `{"wide": {"in": 340282366920938463463374607431768211456, "out": "0x9101${'00'.repeat(16)}"}}`,
    )
    write('transactions/a/b.json', {
      good: { txbytes, result: { London: london, Berlin: null } },
      bad: { txbytes: '0xc0', result: { London: { exception: 'TransactionException.RLP', intrinsicGas: '0x00' } } },
      silent: { txbytes, result: { London: null } },
    })
    const { code, output } = await conformance('--vectors', vectors)
    expect(output).toMatch(/^rlp: 5 passed, 0 failed, 0 skipped$/m)
    expect(output).toMatch(/^transactions: 2 passed, 0 failed, 1 skipped$/m)
    expect(output).toMatch(/^keystore: 0 passed, 0 failed, 1 skipped$/m)
    expect(output.trimEnd().split('\n').at(-1)).toMatch(/^7 passed, 0 failed, \d+ skipped$/)
    expect(code).toBe(0)
  })

  it('fails what does not conform, naming each case and why', async () => {
    const wrong = '0x83646f68'
    write('rlp/cases.json', { cat: { in: 'cat', out: wrong }, fine: { in: 'INVALID', out: '00' } })
    write('rlp/cut.json', '{"dog": ')
    write('transactions/cases.json', {
      hash: { txbytes, result: { London: { ...london, hash: `0x${'00'.repeat(32)}` } } },
      sender: { txbytes, result: { London: { ...london, sender: `0x${'00'.repeat(20)}` } } },
      gas: { txbytes, result: { London: { ...london, intrinsicGas: '0x5209' } } },
      verdict: { txbytes, result: { London: { exception: 'any', intrinsicGas: '0x5208' } } },
      refused: { txbytes: '0xc0', result: { London: london } },
    })
    const { code, output } = await conformance('--vectors', vectors)
    for (const name of ['cat', 'fine', 'cut.json', 'hash', 'sender', 'gas', 'verdict', 'refused']) {
      expect(output).toMatch(new RegExp(`FAILED .*${name}`))
    }
    expect(output).toContain('hash is ')
    expect(output.trimEnd().split('\n').at(-1)).toMatch(/^0 passed, 8 failed, /)
    expect(code).toBe(1)
  })

  it('judges ECDSA signatures in both encodings, and low s for bitcoin', async () => {
    const { p1363, der, publicKey } = signatures
    const [low, high] = p1363
    const group = (type: string, tests: readonly [string, Uint8Array, string][]) => ({
      type,
      sha: 'SHA-256',
      publicKey: { curve: 'secp256k1', uncompressed: hex(publicKey) },
      tests: tests.map(([tcId, sig, result]) => ({ tcId, msg: hex(MESSAGE), sig: hex(sig), result })),
    })
    const padded = concatBytes(Uint8Array.of(0x30, der[1]! + 1, 2, der[3]! + 1, 0), der.subarray(4))
    const file = (...testGroups: unknown[]) => ({ algorithm: 'ECDSA', testGroups })
    write(
      'wycheproof/right.json',
      file(
        group('EcdsaP1363Verify', [
          ['low', low, 'valid'],
          ['high', high, 'valid'],
          ['cut', low.subarray(1), 'invalid'],
          ['either', low.subarray(1), 'acceptable'],
        ]),
        group('EcdsaVerify', [
          ['der', der, 'valid'],
          ['trailing', concatBytes(der, Uint8Array.of(0)), 'invalid'],
          ['padded', padded, 'invalid'],
        ]),
        group('EcdsaBitcoinVerify', [['not r and s', low, 'invalid']]),
        { ...group('EcdsaVerify', [['elsewhere', der, 'valid']]), publicKey: { curve: 'secp256r1' } },
      ),
    )
    const right = await conformance('--vectors', vectors, '--suite', 'wycheproof')
    expect(right).toEqual({ code: 0, output: expect.stringMatching(/^8 passed, 0 failed, 1 skipped$/m) })

    write(
      'wycheproof/bitcoin_p1363.json',
      file(
        group('EcdsaP1363Verify', [
          ['low', low, 'valid'],
          ['high', high, 'valid'],
        ]),
      ),
    )
    write('wycheproof/wrong.json', file(group('EcdsaVerify', [['der', der, 'invalid']])))
    const wrong = await conformance('--vectors', vectors, '--suite', 'wycheproof')
    expect(wrong).toEqual({ code: 1, output: expect.stringMatching(/^9 passed, 2 failed, 1 skipped$/m) })
  })

  it('opens keystores', async () => {
    const json = await encryptKeystore(testKey(7), 'pw', { n: 2, r: 1, p: 1 })
    write('keystore/cases.json', {
      right: { json, password: 'pw', priv: '07' },
      other: { json, password: 'pw', priv: '08' },
      locked: { json, password: 'wp', priv: '07' },
    })
    const { code, output } = await conformance('--vectors', vectors, '--suite', 'keystore')
    expect(output).toMatch(/^1 passed, 2 failed, 0 skipped$/m)
    expect(code).toBe(1)
  })

  it('judges RPC dialogues as Hive does', async () => {
    const genesis = {
      config: { chainId: 1337, ethash: {} },
      gasLimit: '0x4c4b40',
      difficulty: '0x1',
      alloc: { [toHex(privateKeyToAddress(testKey(1)))]: { balance: '0x64' } },
    }
    const { chain, remove } = await openTestChain({ genesis: parseGenesis(genesis) }, londonEngine)
    const block = await makeBlock(chain, londonEngine, chain.head)
    await remove()
    write('rpc-london/genesis.json', genesis)
    writeFileSync(join(vectors, 'rpc-london/chain.rlp'), encodeBlock(block))
    const dialogue = (name: string, ...lines: string[]) => write(`rpc-london/${name}.io`, lines.join('\n'))
    const number = '>> {"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"}'
    const missing = '>> {"id":7,"jsonrpc":"2.0","method":"eth_none"}'
    dialogue('right/number', '// the head', number, '<< {"id":1,"jsonrpc":"2.0","result":"0x1"}')
    dialogue(
      'right/two',
      number,
      '<< {"jsonrpc":"2.0","id":1.0,"result":"0x1"}',
      number,
      '<< {"jsonrpc":"2.0","id":1,"result":"0x1"}',
    )
    dialogue('right/words', missing, '<< {"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"in other words"}}')
    dialogue('wrong/value', number, '<< {"jsonrpc":"2.0","id":1,"result":"0x01"}')
    dialogue('wrong/member', number, '<< {"jsonrpc":"2.0","id":1,"result":"0x1","more":1}')
    dialogue(
      'wrong/second',
      number,
      '<< {"jsonrpc":"2.0","id":1,"result":"0x1"}',
      number,
      '<< {"jsonrpc":"2.0","id":1,"result":"0x2"}',
    )
    dialogue('wrong/code', missing, '<< {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"x"}}')
    dialogue('wrong/wordless', missing, '<< {"jsonrpc":"2.0","id":7,"error":{"code":-32601}}')
    dialogue('wrong/data', missing, '<< {"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"x","data":"0x"}}')
    const { code, output } = await conformance('--vectors', vectors, '--suite', 'rpc-london')
    for (const name of ['value', 'member', 'second', 'code', 'wordless', 'data']) {
      expect(output).toMatch(new RegExp(`FAILED rpc-london wrong/${name}.io`))
    }
    // The three right ones, and the chain itself.
    expect(output).toMatch(/^4 passed, 6 failed, 0 skipped$/m)
    expect(code).toBe(1)
  })

  it.each([
    [[]],
    [['--vectors', '/nonexistent/vectors']],
    [['--vectors', '.', '--suite', 'absent']],
    [['--vectors', '.', '--suite', 'toString']],
    [['--vectors', '.', '--unknown']],
    [['--vectors']],
  ])('refuses the arguments %j with status 2', async (args) => {
    const { code, output } = await conformance(...args)
    expect(code).toBe(2)
    expect(output).toContain('usage:')
  })
})

describe.skipIf(!existsSync(SHARED_VECTORS))("other people's vectors", () => {
  it('all pass', async () => {
    const { code, output } = await conformance('--vectors', SHARED_VECTORS)
    expect(output).toMatch(/^\d+ passed, 0 failed, \d+ skipped$/m)
    expect(code).toBe(0)
  })
})
