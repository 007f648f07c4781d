import { describe, expect, it } from 'vitest'
import { GenesisError, parseGenesis } from '../../../src/chain/genesis.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import { INITIAL_BASE_FEE, MAX_GAS_LIMIT } from '../../../src/primitives/limits.ts'

const ADDRESS = '0x00000000000000000000000000000000000000Aa'

const london = {
  chainId: 1337,
  homesteadBlock: 0,
  eip150Block: 0,
  byzantiumBlock: '0x0',
  londonBlock: 0,
  terminalTotalDifficulty: 0,
}

const valid = {
  config: { ...london, idobata: { engine: 'pow', maxGasLimit: '0x1c9c380', gasLimitTarget: 30_000_000 } },
  difficulty: '0x10000',
  gasLimit: '30000000',
  timestamp: '0x655e1f40',
  alloc: { [ADDRESS]: { balance: '0xde0b6b3a7640000' } },
}

/** The message for a genesis with `changes`. */
function complaint(changes: Record<string, unknown>): string {
  try {
    parseGenesis({ ...valid, ...changes })
    return 'valid'
  } catch (error) {
    if (error instanceof GenesisError) return error.message
    throw error
  }
}

const inConfig = (changes: Record<string, unknown>) => ({ config: { ...valid.config, ...changes } })
const inOwn = (changes: Record<string, unknown>) => inConfig({ idobata: { ...valid.config.idobata, ...changes } })
const inAccount = (account: unknown) => ({ alloc: { [ADDRESS]: account } })

describe('a genesis file', () => {
  it('is read in geth’s layout, numbers in all three forms', () => {
    const { params, engine, header, accounts } = parseGenesis({
      ...valid,
      coinbase: `0x${'bb'.repeat(20)}`,
      nonce: '0x42',
      mixHash: `0x${'cc'.repeat(32)}`,
      extraData: '0x1234',
      alloc: {
        '00000000000000000000000000000000000000aa': {
          balance: '10',
          nonce: 3,
          code: '0x6000',
          storage: { '0x1': '0xff' },
        },
      },
    })
    expect(params).toEqual({
      chainId: 1337n,
      maxGasLimit: 30_000_000n,
      gasLimitTarget: 30_000_000n,
      maxBlockBytes: 1_572_864,
    })
    expect(engine).toMatchObject({ name: 'pow' })
    expect(header).toMatchObject({ difficulty: 65_536n, gasLimit: 30_000_000n, timestamp: 0x655e1f40, number: 0 })
    expect([header.miner, header.nonce, header.extraData].map(toHex)).toEqual([
      `0x${'bb'.repeat(20)}`,
      '0x0000000000000042',
      '0x1234',
    ])
    const [account] = accounts
    expect(account).toMatchObject({ balance: 10n, nonce: 3n })
    expect(toHex(account!.code)).toBe('0x6000')
    expect(account!.storage.map(([slot, value]) => [toHex(slot), value])).toEqual([[`0x${'00'.repeat(31)}01`, 255n]])
  })

  it('has defaults', () => {
    const { params, header, accounts } = parseGenesis({
      config: { chainId: 1, idobata: { engine: 'poa' } },
      gasLimit: 5000,
    })
    expect(params).toEqual({
      chainId: 1n,
      maxGasLimit: MAX_GAS_LIMIT,
      gasLimitTarget: 120_000_000n,
      maxBlockBytes: 1_572_864,
    })
    expect(header).toMatchObject({ difficulty: 1n, timestamp: 0, baseFeePerGas: INITIAL_BASE_FEE })
    expect([...accounts]).toEqual([])
  })

  it('of geth’s own gets the engine ethash and no bound on block bytes', () => {
    const { params, engine } = parseGenesis({ ...valid, config: london })
    expect(engine.name).toBe('ethash')
    expect(params).toMatchObject({ maxBlockBytes: undefined, gasLimitTarget: 30_000_000n })
  })

  it('has a digest that differs when anything in it does', () => {
    const digest = (changes: Record<string, unknown>) => toHex(parseGenesis({ ...valid, ...changes }).digest)
    expect(digest({})).toBe(digest({}))
    for (const changes of [{ comment: 'x' }, inOwn({ reward: 1 }), inAccount({ balance: '1' })]) {
      expect(digest(changes)).not.toBe(digest({}))
    }
  })

  const complaints: [string, Record<string, unknown>, RegExp][] = [
    ['no config', { config: undefined }, /^config: missing/],
    ['a config that is a list', { config: [] }, /^config: not an object/],
    ['no chain id', inConfig({ chainId: undefined }), /^config\.chainId: missing/],
    ['a chain id beyond 2^53', inConfig({ chainId: '0x20000000000000' }), /^config\.chainId: .*not within/],
    ['a fork that is not active', inConfig({ londonBlock: 5 }), /^config\.londonBlock: must be 0/],
    ['a later fork', inConfig({ shanghaiTime: 0 }), /^config\.shanghaiTime: forks after London/],
    ['no engine', inOwn({ engine: undefined }), /^config\.idobata\.engine: missing/],
    ['no gas limit', { gasLimit: undefined }, /^gasLimit: missing/],
    ['too small a gas limit', { gasLimit: 4999 }, /^gasLimit: 4999 is below 5000/],
    ['too large a gas limit', { gasLimit: '0x8000000000000000' }, /^gasLimit: .*not within/],
    ['a gas limit above its own maximum', inOwn({ maxGasLimit: 29_999_999 }), /^gasLimit: .*maxGasLimit/],
    ['a number in words', { difficulty: 'much' }, /^difficulty: not a number: "much"/],
    ['a negative number', { difficulty: -1 }, /^difficulty: .*not within/],
    ['a fraction', { difficulty: 1.5 }, /^difficulty: not a number/],
    ['a timestamp beyond 2^53', { timestamp: '0x20000000000000' }, /^timestamp: .*not within/],
    ['a short hash', { mixHash: '0x12' }, /^mixHash: 1 bytes, expected 32/],
    ['half a byte', { extraData: '0x123' }, /^extraData: not hex bytes/],
    ['a short address', { alloc: { '0x12': {} } }, /^alloc\.0x12: not an address/],
    [
      'an address twice',
      { alloc: { [ADDRESS]: {}, [ADDRESS.slice(2)]: {} } },
      /^alloc\.\S+: the address stands there twice/,
    ],
    ['an account that is none', inAccount(5), /^alloc\.\S+: not an object/],
    ['a balance in words', inAccount({ balance: '1 ether' }), /^alloc\.\S+\.balance: not a number/],
    ['a balance beyond 2^256', inAccount({ balance: `0x1${'00'.repeat(32)}` }), /^alloc\.\S+\.balance: .*not within/],
    ['a nonce beyond 2^64', inAccount({ nonce: '0x10000000000000000' }), /^alloc\.\S+\.nonce: .*not within/],
    [
      'a slot that is too long',
      inAccount({ storage: { [`0x1${'00'.repeat(32)}`]: '0x1' } }),
      /^alloc\.\S+\.storage: not a word/,
    ],
    ['a slot value that is no hex', inAccount({ storage: { '0x1': 'x' } }), /^alloc\.\S+\.storage\.0x1: not a word/],
    ['a slot twice', inAccount({ storage: { '0x1': '0x1', '0x01': '0x2' } }), /^alloc\.\S+\.storage\.0x01: .*twice/],
  ]

  it.each(complaints)('with %s is refused by the place', (_, changes, message) => {
    expect(complaint(changes)).toMatch(message)
  })

  it.each([null, 5, 'text', []])('that is %j is refused', (json) => {
    expect(() => parseGenesis(json)).toThrow(/^genesis: not an object/)
  })

  it('just inside each bound is taken', () => {
    const inside = [
      inConfig({ chainId: '0x1fffffffffffff' }),
      { gasLimit: 5000 },
      inOwn({ maxGasLimit: 30_000_000 }),
      { timestamp: '0x1fffffffffffff' },
      inAccount({ balance: `0x${'ff'.repeat(32)}`, nonce: '0xffffffffffffffff' }),
      inConfig({ arrowGlacierBlock: 7, londonBlock: null, shanghaiTime: null }),
    ]
    for (const changes of inside) expect(complaint(changes)).toBe('valid')
  })
})
