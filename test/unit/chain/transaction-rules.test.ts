import { describe, expect, it } from 'vitest'
import { checkLedgerRules, checkTransactionStateless } from '../../../src/chain/transaction-rules.ts'
import type { TxError } from '../../../src/primitives/errors.ts'
import {
  type AccessListEntry,
  assembleTransaction,
  type Transaction,
  type TransactionFields,
} from '../../../src/primitives/transaction.ts'
import { TEST_CHAIN_ID, transferFields } from '../../support/transactions.ts'

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const VALID = { r: 1n, s: 1n, yParity: 0 as const }

function tx(changes: Partial<TransactionFields>, signature: Partial<typeof VALID> = {}): Transaction {
  return assembleTransaction(transferFields(changes), { ...VALID, ...signature })
}

function verdict(check: () => void): string {
  try {
    check()
    return 'valid'
  } catch (error) {
    return (error as TxError).code
  }
}

const stateless = (transaction: Transaction) => verdict(() => checkTransactionStateless(transaction, TEST_CHAIN_ID))
const ledger = (transaction: Transaction) => verdict(() => checkLedgerRules(transaction))

function precompile(last: number): Uint8Array {
  const address = new Uint8Array(20)
  address[19] = last
  return address
}

describe('stateless rules', () => {
  it('chain id: this one, or none in a legacy transaction', () => {
    expect(stateless(tx({}))).toBe('valid')
    expect(stateless(tx({ type: 0 }))).toBe('valid')
    expect(stateless(tx({ type: 0, chainId: undefined }))).toBe('valid')
    for (const type of [0, 1, 2] as const) {
      expect(stateless(tx({ type, chainId: TEST_CHAIN_ID + 1n }))).toBe('wrong-chain-id')
      expect(stateless(tx({ type, chainId: 0n }))).toBe('wrong-chain-id')
    }
  })

  it('tip: at most the fee cap', () => {
    expect(stateless(tx({ maxPriorityFeePerGas: 5n, maxFeePerGas: 5n }))).toBe('valid')
    expect(stateless(tx({ maxPriorityFeePerGas: 6n, maxFeePerGas: 5n }))).toBe('tip-above-fee-cap')
  })

  it('nonce: below 2^64 - 1', () => {
    expect(stateless(tx({ nonce: 2n ** 64n - 2n }))).toBe('valid')
    expect(stateless(tx({ nonce: 2n ** 64n - 1n }))).toBe('nonce-max')
  })

  it('gas limit times fee cap: below 2^256', () => {
    const gasLimit = 2n ** 32n
    expect(stateless(tx({ gasLimit, maxFeePerGas: 2n ** 224n - 1n }))).toBe('valid')
    expect(stateless(tx({ gasLimit, maxFeePerGas: 2n ** 224n }))).toBe('gas-overflow')
    expect(stateless(tx({ type: 0, gasLimit, maxFeePerGas: 2n ** 224n }))).toBe('gas-overflow')
  })

  it('signature: r in [1, n - 1], s in [1, n / 2]', () => {
    expect(stateless(tx({}, { r: N - 1n, s: N / 2n }))).toBe('valid')
    for (const signature of [{ r: 0n }, { r: N }, { s: 0n }, { s: N / 2n + 1n }, { s: N }]) {
      expect(
        stateless(tx({}, signature)),
        JSON.stringify(signature, (_, n) => String(n)),
      ).toBe('invalid-signature')
    }
  })

  const listed: AccessListEntry = { address: new Uint8Array(20), storageKeys: [new Uint8Array(32), new Uint8Array(32)] }
  it.each<[string, Partial<TransactionFields>, bigint]>([
    ['a transfer', {}, 21_000n],
    ['4 a zero byte and 16 another', { data: Uint8Array.of(0, 1, 0, 255, 7) }, 21_000n + 2n * 4n + 3n * 16n],
    ['a listed address and its keys', { accessList: [listed, listed] }, 21_000n + 2n * 2_400n + 4n * 1_900n],
    ['a contract creation', { to: undefined, data: Uint8Array.of(1) }, 21_000n + 32_000n + 16n],
  ])('gas limit: at least that of %s', (_, changes, gas) => {
    expect(stateless(tx({ ...changes, gasLimit: gas }))).toBe('valid')
    expect(stateless(tx({ ...changes, gasLimit: gas - 1n }))).toBe('intrinsic-gas')
  })

  it('say what was wrong in facts', () => {
    expect(() => checkTransactionStateless(tx({ gasLimit: 20_999n }), TEST_CHAIN_ID)).toThrow(
      'intrinsic-gas: gasLimit 20999, needed 21000',
    )
  })
})

describe('rules of a ledger that runs no code', () => {
  it('refuse contract creations', () => {
    expect(ledger(tx({}))).toBe('valid')
    expect(ledger(tx({ to: undefined }))).toBe('contract-creation')
  })

  it('refuse precompiles, 0x01 to 0x09', () => {
    expect(ledger(tx({ to: precompile(0) }))).toBe('valid')
    expect(ledger(tx({ to: precompile(1) }))).toBe('recipient-is-precompile')
    expect(ledger(tx({ to: precompile(9) }))).toBe('recipient-is-precompile')
    expect(ledger(tx({ to: precompile(10) }))).toBe('valid')
    const similar = precompile(1)
    similar[0] = 1
    expect(ledger(tx({ to: similar }))).toBe('valid')
  })
})
