import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { hashHeader } from '../../../src/crypto/hashes.ts'
import { ConfigError } from '../../../src/node/config.ts'
import { loadGenesis } from '../../../src/node/genesis-file.ts'
import { EMPTY_TRIE_ROOT } from '../../../src/primitives/account.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const directory = temporaryDirectory()
afterAll(() => rmSync(directory, { recursive: true }))

test("the genesis that is shipped is the default network's, bit for bit", async () => {
  const genesis = await loadGenesis({ dev: false, genesis: undefined })
  expect(genesis.params).toEqual({
    chainId: 20_117n,
    maxGasLimit: 120_000_000n,
    gasLimitTarget: 120_000_000n,
    maxBlockBytes: 1_572_864,
  })
  expect([...genesis.accounts]).toEqual([])
  const { hash } = hashHeader({ ...genesis.header, stateRoot: EMPTY_TRIE_ROOT })
  expect(toHex(hash)).toBe('0xd7633b91cdba532e7ae6be8bf7d700f50df925f0eaaedd97cd8d3d1c875c14a6')
})

test('it is found wherever the program lies', () => {
  const place = join(directory, 'a place of böses & 100 %')
  mkdirSync(place)
  for (const name of ['src', 'genesis.json', 'package.json'])
    cpSync(join(ROOT, name), join(place, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(place, 'node_modules'))
  const args = [join(place, 'src/cli/main.ts'), 'db', 'check', '--datadir', join(directory, 'none')]
  const { stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toMatch(/^idobata: there is no database in /)
})

test('a development network needs no file', async () => {
  expect((await loadGenesis({ dev: true, genesis: undefined })).params.chainId).toBe(31_337n)
})

describe('a file that cannot be used is refused with its name and the place in it', () => {
  const refusal = async (content: string): Promise<string> => {
    const file = join(directory, 'genesis.json')
    writeFileSync(file, content)
    const error: unknown = await loadGenesis({ dev: false, genesis: file }).catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    const { message } = error as ConfigError
    expect(message.startsWith(`${file}: `)).toBe(true)
    return message
  }

  test('no JSON', async () => {
    expect(await refusal('{ "config": }')).toMatch(/JSON/)
  })

  test('no genesis', async () => {
    expect(await refusal('{}')).toMatch(/: config: missing$/)
    expect(await refusal('{"config":{"chainId":1,"idobata":{"engine":"pow"}},"gasLimit":1}')).toMatch(/: gasLimit: /)
  })

  test('a setting that the engine does not have', async () => {
    const genesis = { config: { chainId: 1, idobata: { engine: 'pow', spaceing: 1 } }, gasLimit: 30_000_000 }
    expect(await refusal(JSON.stringify(genesis))).toMatch(/config\.idobata\.spaceing: /)
  })

  test('no file', async () => {
    const missing = join(directory, 'missing.json')
    await expect(loadGenesis({ dev: false, genesis: missing })).rejects.toThrow(`${missing}: cannot be read (ENOENT)`)
  })
})
