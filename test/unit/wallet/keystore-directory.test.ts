import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { fromHex } from '../../../src/primitives/bytes.ts'
import { decryptKeystore, encryptKeystore } from '../../../src/wallet/keystore.ts'
import { findAccount, listAccounts, readKeystore, saveKeystore } from '../../../src/wallet/keystore-directory.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

const root = temporaryDirectory()
const directory = join(root, 'data', 'keystore')
afterAll(() => rmSync(root, { recursive: true }))
beforeEach(() => rmSync(directory, { recursive: true, force: true }))

const NOON_MS = Date.parse('2026-11-22T12:00:00.007Z')
const KEY = new Uint8Array(32).fill(7)
const keystore = await encryptKeystore(KEY, 'password', { n: 2, r: 1, p: 1 })
const address = fromHex(keystore.address)

test('a keystore is kept under the name that geth gives it, for its owner alone', async () => {
  const file = await saveKeystore(directory, keystore, NOON_MS)
  expect(file).toBe(join(directory, `UTC--2026-11-22T12-00-00.007000000Z--${keystore.address}`))
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(directory).mode & 0o777).toBe(0o700)
  expect(readdirSync(directory)).toHaveLength(1)
  expect(await listAccounts(directory)).toEqual([{ address, file }])
  expect(await findAccount(directory, address)).toEqual({ address, file })
  expect(await decryptKeystore(await readKeystore(file), 'password')).toEqual(KEY)
})

test('an account is kept once', async () => {
  const file = await saveKeystore(directory, keystore, NOON_MS)
  await expect(saveKeystore(directory, keystore, NOON_MS + 1)).rejects.toMatchObject({
    code: 'exists',
    message: expect.stringContaining(file),
  })
  writeFileSync(join(directory, 'copy'), readFileSync(file))
  await expect(findAccount(directory, address)).rejects.toMatchObject({ code: 'ambiguous' })
})

test('no directory holds no accounts, and other files are passed over', async () => {
  expect(await listAccounts(directory)).toEqual([])
  expect(await findAccount(directory, address)).toBeUndefined()
  mkdirSync(join(directory, 'sub'), { recursive: true })
  writeFileSync(join(directory, 'text'), 'no JSON')
  writeFileSync(join(directory, 'null.json'), 'null')
  writeFileSync(join(directory, 'nameless.json'), '{"version":3}')
  writeFileSync(join(directory, 'large.json'), `{"address":"${keystore.address}","x":"${'x'.repeat(64 * 1024)}"}`)
  expect(await listAccounts(directory)).toEqual([])
})

test('what is no keystore file is refused by name', async () => {
  mkdirSync(directory, { recursive: true })
  const file = join(directory, 'text')
  writeFileSync(file, 'no JSON')
  await expect(readKeystore(file)).rejects.toMatchObject({
    code: 'malformed',
    message: `${file} is no JSON: no keystore`,
  })
  writeFileSync(file, 'x'.repeat(64 * 1024 + 1))
  await expect(readKeystore(file)).rejects.toMatchObject({ code: 'malformed' })
})
