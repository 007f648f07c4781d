import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { mnemonicToAccount, privateKeyToAddress } from 'viem/accounts'
import { afterAll, describe, expect, test } from 'vitest'
import { parseGenesis } from '../../../src/chain/genesis.ts'
import { ConfigError } from '../../../src/node/config.ts'
import { devAccounts, devGenesis, devSigner } from '../../../src/node/dev.ts'
import { createMinerKey, minerKeyFile, readMinerKey } from '../../../src/node/miner-key.ts'
import { loadNodeKey } from '../../../src/node/node-key.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { COIN } from '../../../src/primitives/limits.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

const root = temporaryDirectory()
afterAll(() => rmSync(root, { recursive: true }))

describe('the miner key', () => {
  test('is made once, readable by its owner alone, and found again', async () => {
    const datadir = join(root, 'made', 'here')
    expect(await readMinerKey(datadir)).toBeUndefined()
    const made = await createMinerKey(datadir)
    expect(statSync(made.file).mode & 0o777).toBe(0o600)
    expect(await readMinerKey(datadir)).toEqual(made)
    await expect(createMinerKey(datadir)).rejects.toMatchObject({ code: 'EEXIST' })
    expect(await readMinerKey(datadir)).toEqual(made)
  })

  test('is the one that other software reads from the file', async () => {
    const { file, address } = await createMinerKey(join(root, 'other'))
    const digits = readFileSync(file, 'utf8').trim()
    expect(privateKeyToAddress(`0x${digits}`).toLowerCase()).toBe(toHex(address))
  })

  test.each(['', 'abc', '0'.repeat(64), 'f'.repeat(64), '1'.repeat(63)])(
    'is refused where the file says "%s"',
    async (text) => {
      writeFileSync(minerKeyFile(root), text)
      const reading = readMinerKey(root)
      await expect(reading).rejects.toThrow(ConfigError)
      await expect(reading).rejects.toThrow(`${minerKeyFile(root)}: no private key`)
    },
  )
})

describe('the node key', () => {
  test('is made once, readable by its owner alone, and the same at every start', async () => {
    const datadir = join(root, 'node')
    const made = await loadNodeKey(datadir)
    expect(statSync(join(datadir, 'nodekey')).mode & 0o777).toBe(0o600)
    expect((await loadNodeKey(datadir)).equals(made)).toBe(true)
  })

  test('is made by the next start where a process has died over writing it', async () => {
    const datadir = join(root, 'interrupted')
    const source = new URL('../../../src/node/node-key.ts', import.meta.url).href
    const script = `const { loadNodeKey } = await import('${source}'); await loadNodeKey('${datadir}')`
    // No file may have a byte.
    const limited = ['-c', 'ulimit -f 0; exec "$@"', 'sh', process.execPath, '--input-type=module', '-e', script]
    const { status } = spawnSync('sh', limited, { env: { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' } })
    expect(status).not.toBe(0)
    expect(existsSync(datadir)).toBe(true)
    const made = await loadNodeKey(datadir)
    expect((await loadNodeKey(datadir)).equals(made)).toBe(true)
  })

  test('is refused where the file holds something else', async () => {
    writeFileSync(join(root, 'nodekey'), 'abc')
    await expect(loadNodeKey(root)).rejects.toThrow(ConfigError)
  })
})

describe('the development network', () => {
  test('has the accounts of the well-known mnemonic', () => {
    const accounts = devAccounts()
    expect(accounts).toHaveLength(10)
    for (const [addressIndex, { address, privateKey }] of accounts.entries()) {
      const expected = mnemonicToAccount('test test test test test test test test test test test junk', {
        addressIndex,
      })
      expect(toHex(address)).toBe(expected.address.toLowerCase())
      expect(privateKey).toEqual(expected.getHdKey().privateKey)
    }
  })

  test('funds each of them, and is sealed by somebody else', () => {
    const { accounts, engine } = parseGenesis(devGenesis())
    expect([...accounts].map(({ address, balance }) => [toHex(address), balance])).toEqual(
      devAccounts().map(({ address }) => [toHex(address), 10_000n * COIN]),
    )
    const signer = toHex(devSigner().address)
    expect(engine.settings.signers).toEqual([signer])
    expect(devAccounts().map(({ address }) => toHex(address))).not.toContain(signer)
  })
})
