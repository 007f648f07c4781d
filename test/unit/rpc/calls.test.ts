import { keccak256, parseTransaction } from 'viem'
import { describe, expect, test } from 'vitest'
import { signingHash } from '../../../src/crypto/hashes.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import type { Json } from '../../../src/rpc/json.ts'
import { rpcMethods } from '../../../src/rpc/methods/all.ts'
import { fakeBackends, GWEI, SENDER } from './fake-backends.ts'
import { eventServices, LOCAL } from './serving.ts'
import { signedByViem } from './signed.ts'

/** Transactions that are only asked about. */

const FROM = toHex(SENDER)
const TO = `0x${'0b'.repeat(20)}` as const
const CONTRACT = `0x${'0d'.repeat(20)}`
const WORD = `0x${'00'.repeat(32)}`

const backends = fakeBackends({
  blocks: [{ baseFeePerGas: 8n * GWEI }],
  accounts: {
    [FROM]: { ...EMPTY_ACCOUNT, nonce: 3n, balance: 10n ** 18n },
    [CONTRACT]: { ...EMPTY_ACCOUNT, codeHash: new Uint8Array(32).fill(1) },
  },
})
const methods = rpcMethods(backends, eventServices())
const call = async <T = Json>(name: string, ...params: Json[]) => (await methods[name]!.call(params, LOCAL)) as T
const gwei = (amount: number) => `0x${(BigInt(amount) * GWEI).toString(16)}`

describe('eth_fillTransaction', () => {
  const fill = (fields: Json) =>
    call<{ raw: `0x${string}`; tx: Readonly<Record<string, Json>> }>('eth_fillTransaction', {
      from: FROM,
      to: TO,
      ...(fields as object),
    })

  test('completes with EIP-1559 fees that leave the base fee room to double', async () => {
    const { tx } = await fill({ value: '0x5' })
    expect(tx).toEqual({
      from: FROM,
      to: TO,
      nonce: '0x3',
      gas: '0x5208',
      value: '0x5',
      input: '0x',
      type: '0x2',
      chainId: '0x4e95',
      accessList: [],
      // The fake chain's next base fee is an eighth below its head's.
      maxFeePerGas: gwei(15),
      maxPriorityFeePerGas: gwei(1),
    })
  })

  test('keeps what is given, and follows it in type', async () => {
    const accessList = [{ address: TO, storageKeys: [WORD] }]
    expect((await fill({ nonce: '0x9', gas: '0x9999', data: '0x01' })).tx).toMatchObject({
      nonce: '0x9',
      gas: '0x9999',
      input: '0x01',
    })
    expect((await fill({ maxPriorityFeePerGas: gwei(4) })).tx).toMatchObject({ maxFeePerGas: gwei(18) })
    expect((await fill({ maxFeePerGas: gwei(9) })).tx).toMatchObject({ maxPriorityFeePerGas: gwei(1) })
    expect((await fill({ gasPrice: gwei(9) })).tx).toMatchObject({ type: '0x0', gasPrice: gwei(9) })
    expect((await fill({ gasPrice: gwei(9), accessList })).tx).toMatchObject({ type: '0x1', gas: '0x62d4', accessList })
    expect((await fill({ type: '0x0' })).tx).toMatchObject({ type: '0x0', gasPrice: gwei(8) })
    expect((await fill({ type: '0x1' })).tx).toMatchObject({ type: '0x1', gasPrice: gwei(8), accessList: [] })
  })

  test('says with `raw` what is to be signed', async () => {
    for (const fields of [{ value: '0x5' }, { gasPrice: gwei(9) }, { type: '0x1' }]) {
      const { raw, tx } = await fill(fields)
      if (tx.type !== '0x0') expect(parseTransaction(raw)).toMatchObject({ to: TO, nonce: 3, gas: 21_000n })
      const price = tx.gasPrice === undefined ? {} : { gasPrice: BigInt(tx.gasPrice as string) }
      const signed = await signedByViem({
        to: TO,
        nonce: 3,
        value: BigInt(tx.value as string),
        ...price,
        ...(tx.type === '0x1' && { accessList: [] }),
        ...(tx.type === '0x2' && { maxFeePerGas: 15n * GWEI, maxPriorityFeePerGas: GWEI }),
      })
      if (tx.type !== '0x1') expect(keccak256(raw)).toBe(toHex(signingHash(signed)))
    }
  })

  test('needs to know whose transaction it is', async () => {
    await expect(call('eth_fillTransaction', { to: TO })).rejects.toThrow(
      'invalid argument 0 (transaction): from is missing',
    )
  })
})

describe('eth_call', () => {
  test('returns nothing, of an account with code too, since none is run', async () => {
    expect(await call('eth_call', { from: FROM, to: TO, value: '0x1' })).toBe('0x')
    expect(await call('eth_call', { to: CONTRACT, data: '0x70a08231' }, 'latest', {}, {})).toBe('0x')
  })

  test('refuses what would be answered by a precompiled contract elsewhere', async () => {
    await expect(call('eth_call', { to: `0x${'04'.padStart(40, '0')}`, data: '0x01' })).rejects.toThrow(
      'recipient-is-precompile',
    )
  })
})

describe('eth_createAccessList', () => {
  test('finds nothing worth listing, and tells the gas without a list', async () => {
    const accessList = [{ address: TO, storageKeys: [WORD] }]
    expect(await call('eth_createAccessList', { from: FROM, to: TO, accessList })).toEqual({
      accessList: [],
      gasUsed: '0x5208',
    })
    await expect(call('eth_createAccessList', { from: FROM, to: CONTRACT })).rejects.toThrow('recipient-has-code')
  })
})
