import { describe, expect, test } from 'vitest'
import { GenesisError, parseGenesis } from '../../../src/chain/genesis.ts'
import { readEngineSettings } from '../../../src/node/engine.ts'
import { fromHex } from '../../../src/primitives/bytes.ts'

const SIGNER = `0x${'0a'.repeat(20)}`

function read(idobata: unknown, difficulty: unknown = '0x400') {
  return readEngineSettings(parseGenesis({ config: { chainId: 1, idobata }, gasLimit: 30_000_000, difficulty }))
}

test('proof of work has defaults for everything but the difficulty', () => {
  expect(read({ engine: 'pow' })).toEqual({
    name: 'pow',
    genesisDifficulty: 1_024n,
    spacingSec: 10n,
    halfLifeSec: 2_880n,
    rewardWei: 2n * 10n ** 18n,
    safeDepth: 12,
    finalizedDepth: 64,
  })
})

test('proof of work takes every setting, as number or text', () => {
  const settings = { spacing: 1, halfLife: '60', reward: '0x10', safeDepth: 0, finalizedDepth: 0, maxBlockBytes: 1_000 }
  expect(read({ engine: 'pow', ...settings })).toMatchObject({
    spacingSec: 1n,
    halfLifeSec: 60n,
    rewardWei: 16n,
    safeDepth: 0,
    finalizedDepth: 0,
  })
})

test('proof of authority has its signers in order', () => {
  const other = `0x${'0B'.repeat(20)}`
  expect(read({ engine: 'poa', signers: [other, SIGNER] })).toEqual({
    name: 'poa',
    signers: [fromHex(other), fromHex(SIGNER)],
    periodSec: 5,
    accountOverrides: false,
  })
  const dev = { engine: 'poa', signers: [SIGNER], accountOverrides: true }
  expect(read(dev)).toMatchObject({ accountOverrides: true })
  expect(read({ engine: 'poa', signers: [SIGNER], period: 0 })).toMatchObject({ periodSec: 0 })
})

describe('refused, naming the place', () => {
  test.each([
    [{ engine: 'pos' }, 'config.idobata.engine: "pos" is neither'],
    [undefined, 'config.idobata: missing'],
    [{ engine: 'pow', halflife: 60 }, 'config.idobata.halflife: not a setting'],
    [{ engine: 'pow', signers: [SIGNER] }, 'config.idobata.signers: not a setting'],
    [{ engine: 'pow', spacing: 0 }, 'config.idobata.spacing: 0 is below 1'],
    [{ engine: 'pow', reward: -1 }, 'config.idobata.reward'],
    [{ engine: 'pow', safeDepth: 9, finalizedDepth: 8 }, 'config.idobata.finalizedDepth: 8 is below 9'],
    [{ engine: 'poa' }, 'config.idobata.signers: not a list'],
    [{ engine: 'poa', signers: [] }, 'config.idobata.signers: not a list'],
    [{ engine: 'poa', signers: [SIGNER, '0x12'] }, 'config.idobata.signers[1]: not an address: "0x12"'],
    [{ engine: 'poa', signers: [SIGNER, SIGNER.toUpperCase().replace('0X', '0x')] }, 'signers[1]: the address stands'],
    [
      { engine: 'poa', signers: [SIGNER], accountOverrides: 1 },
      'config.idobata.accountOverrides: neither true nor false',
    ],
    [{ engine: 'poa', signers: [SIGNER], period: '5s' }, 'config.idobata.period: not a number'],
  ])('%j', (idobata, message) => {
    expect(() => read(idobata)).toThrow(GenesisError)
    expect(() => read(idobata)).toThrow(message)
  })

  test('a difficulty of zero, which nothing could be divided by', () => {
    expect(() => read({ engine: 'pow' }, 0)).toThrow('difficulty: must be at least 1')
  })
})
