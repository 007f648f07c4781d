import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Flags } from '../../../src/node/config.ts'
import { loadConfig, loadExplainedConfig } from '../../../src/node/config-file.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

const directory = temporaryDirectory()
const datadir = join(directory, 'data')
const own = join(datadir, 'config.toml')
const elsewhere = join(directory, 'idobata.toml')
afterAll(() => rmSync(directory, { recursive: true }))
beforeEach(() => {
  rmSync(datadir, { recursive: true, force: true })
  mkdirSync(datadir)
})

function load(text: string, flags: Flags = {}) {
  writeFileSync(elsewhere, text)
  return loadConfig({ config: elsewhere, datadir, ...flags }, {})
}

test('names are those of the options, as keys, dotted keys or tables', async () => {
  const expected = { http: false, 'http.port': 9000, 'http.addr': '::1', mine: true, verbosity: 4 }
  const end = 'mine = true\nverbosity = 4\n'
  expect(await load(`http = false\n"http.port" = 9000\n"http.addr" = "::1"\n${end}`)).toMatchObject(expected)
  expect(await load(`http.enabled = false\nhttp.port = 9000\nhttp.addr = "::1"\n${end}`)).toMatchObject(expected)
  expect(await load(`${end}[http]\nenabled = false\nport = 9000\naddr = "::1"\n`)).toMatchObject(expected)
})

test('the file in the data directory counts where no other is named; there need not be one', async () => {
  const environment = { IDOBATA_DATADIR: datadir }
  expect((await loadConfig({}, environment)).verbosity).toBe(3)
  writeFileSync(own, 'verbosity = 1')
  const { config, origins } = await loadExplainedConfig({}, environment)
  expect(config.verbosity).toBe(1)
  expect(origins.verbosity).toBe(`${own}: verbosity`)
  writeFileSync(elsewhere, 'mine = true')
  expect(await loadConfig({}, { ...environment, IDOBATA_CONFIG: elsewhere })).toMatchObject({
    verbosity: 3,
    mine: true,
  })
})

test('the development network has a file of its own', async () => {
  const environment = { HOME: directory }
  mkdirSync(join(directory, '.idobata/dev'), { recursive: true })
  writeFileSync(join(directory, '.idobata/config.toml'), 'verbosity = 1')
  writeFileSync(join(directory, '.idobata/dev/config.toml'), 'verbosity = 2')
  expect((await loadConfig({}, environment)).verbosity).toBe(1)
  expect((await loadConfig({ dev: true }, environment)).verbosity).toBe(2)
})

describe('what cannot be used is refused, naming the file', () => {
  test.each([
    ['verbosity = \nmine = true', /^\S+\/idobata\.toml:1: .+$/],
    ['\nmine = true\nmine = false', /^\S+\/idobata\.toml:3: .+$/],
    ['htp.port = 1', /^\S+\/idobata\.toml: htp\.port is no setting/],
    ['constructor = 1', /constructor is no setting/],
    ['[http]\nport = 70000', /^\S+\/idobata\.toml: http\.port: "70000" is no whole number/],
    ['mine = 1979-05-27', /^\S+\/idobata\.toml: mine: ".*" is neither true nor false/],
    ['config = "x"', /config cannot be set in this file/],
  ])('%j', async (text, message) => {
    await expect(load(text)).rejects.toThrow(
      expect.objectContaining({ name: 'ConfigError', message: expect.stringMatching(message) }),
    )
  })

  test('a file that is named has to be there', async () => {
    await expect(loadConfig({ config: join(directory, 'none') }, {})).rejects.toThrow(/none: cannot be read \(ENOENT\)/)
  })

  test('the file in a data directory cannot send the node elsewhere', async () => {
    for (const text of ['datadir = "/"', 'dev = true']) {
      writeFileSync(own, text)
      await expect(loadConfig({ datadir }, {})).rejects.toThrow(/cannot be set in this file/)
    }
    expect(await load('dev = true')).toMatchObject({ dev: true, datadir })
  })
})
