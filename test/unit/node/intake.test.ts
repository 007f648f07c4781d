import { describe, expect, test } from 'vitest'
import { transactionHash } from '../../../src/crypto/hashes.ts'
import { TransactionIntake } from '../../../src/node/intake.ts'
import { StoreError, TxError } from '../../../src/primitives/errors.ts'
import {
  assembleTransaction,
  type RecoveredTransaction,
  type Transaction,
} from '../../../src/primitives/transaction.ts'

function transfer(nonce: number): Transaction {
  const fields = {
    type: 2,
    chainId: 1n,
    nonce: BigInt(nonce),
    maxPriorityFeePerGas: 1n,
    maxFeePerGas: 1n,
    gasLimit: 21_000n,
    to: new Uint8Array(20),
    value: 0n,
    data: new Uint8Array(0),
    accessList: [],
  } as const
  return assembleTransaction(fields, { r: 1n, s: 1n, yParity: 0 })
}

const recovered = (tx: Transaction): RecoveredTransaction => ({
  tx,
  hash: transactionHash(tx),
  sender: new Uint8Array(20),
  senderKey: '',
  recipientKey: '',
})

const nonces = (transactions: readonly { readonly tx: Transaction }[]) => transactions.map(({ tx }) => Number(tx.nonce))

/** An intake whose workers and pool answer when the test says so. */
function setUp() {
  const recoveries: { transactions: readonly Transaction[]; finish: (error?: Error) => void }[] = []
  const admitted: number[][] = []
  const refused = new Map<number, TxError>()
  let poolFailure: Error | undefined
  const intake = new TransactionIntake({
    check: (tx) => {
      if (tx.nonce >= 1_000_000n) throw new TxError('nonce-max')
    },
    recover: (transactions) => {
      const { promise, resolve, reject } = Promise.withResolvers<(RecoveredTransaction | TxError)[]>()
      const answers = transactions.map((tx) => (tx.nonce === 666n ? new TxError('invalid-signature') : recovered(tx)))
      recoveries.push({ transactions, finish: (error) => (error ? reject(error) : resolve(answers)) })
      return promise
    },
    admit: async (transactions) => {
      if (poolFailure) throw poolFailure
      admitted.push(nonces(transactions))
      return transactions.map(({ tx }) => refused.get(Number(tx.nonce)))
    },
  })
  const submit = (nonce: number) => intake.submit(transfer(nonce).raw)
  return {
    intake,
    recoveries,
    admitted,
    refused,
    submit,
    failPool: (error: Error | undefined) => {
      poolFailure = error
    },
  }
}

/** Lets everything run that waits for nothing outside. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

test('what arrives together is recovered and admitted together, in order', async () => {
  const { submit, recoveries, admitted } = setUp()
  const hashes = Promise.all([3, 1, 2].map(submit))
  await settle()
  expect(recoveries).toHaveLength(1)
  recoveries[0]!.finish()
  expect(await hashes).toEqual([3, 1, 2].map((nonce) => transactionHash(transfer(nonce))))
  expect(admitted).toEqual([[3, 1, 2]])
})

test('what arrives while two batches are under way waits and goes together; batches are admitted in order', async () => {
  const { submit, recoveries, admitted } = setUp()
  const answers = []
  for (const nonce of [1, 2, 3, 4]) {
    answers.push(submit(nonce))
    await settle()
  }
  expect(recoveries.map(({ transactions }) => transactions.length)).toEqual([1, 1])
  recoveries[1]!.finish()
  await settle()
  expect(admitted).toEqual([])
  recoveries[0]!.finish()
  await settle()
  expect(admitted).toEqual([[1], [2]])
  recoveries[2]!.finish()
  await Promise.all(answers)
  expect(admitted).toEqual([[1], [2], [3, 4]])
})

test('many that arrive together do not wait for the batches under way', async () => {
  const { submit, recoveries } = setUp()
  const answers = []
  for (const count of [1, 1, 100, 1]) {
    for (let i = 0; i < count; i++) answers.push(submit(answers.length))
    await settle()
  }
  expect(recoveries.map(({ transactions }) => transactions.length)).toEqual([1, 1, 100])
  recoveries[0]!.finish()
  await settle()
  expect(recoveries).toHaveLength(3)
  for (const { finish } of recoveries) finish()
  await settle()
  recoveries[3]!.finish()
  expect(await Promise.all(answers)).toHaveLength(103)
})

describe('a refusal reaches the one it is meant for', () => {
  test('from a check that needs no signature, before anything is paid for', async () => {
    const { submit, recoveries, intake } = setUp()
    await expect(submit(1_000_000)).rejects.toMatchObject({ code: 'nonce-max' })
    await expect(intake.submit(Uint8Array.of(0xc1, 0x80))).rejects.toMatchObject({ name: 'DecodeError' })
    expect(recoveries).toEqual([])
  })

  test('from recovery and from the pool', async () => {
    const { submit, recoveries, refused, admitted } = setUp()
    refused.set(2, new TxError('nonce-too-low'))
    const answers = Promise.allSettled([1, 666, 2, 3].map(submit))
    await settle()
    recoveries[0]!.finish()
    expect(await answers).toMatchObject([
      { status: 'fulfilled' },
      { reason: { code: 'invalid-signature' } },
      { reason: { code: 'nonce-too-low' } },
      { status: 'fulfilled' },
    ])
    expect(admitted).toEqual([[1, 2, 3]])
  })
})

test('a failure of the node fails its batch and not the next', async () => {
  const { submit, recoveries, failPool } = setUp()
  const first = submit(1)
  const failure = expect(first).rejects.toThrow('worker died')
  await settle()
  recoveries[0]!.finish(new Error('worker died'))
  await failure

  failPool(new StoreError('disk full', 'make room'))
  const second = submit(2)
  const full = expect(second).rejects.toBeInstanceOf(StoreError)
  await settle()
  recoveries[1]!.finish()
  await full

  failPool(undefined)
  const third = submit(3)
  await settle()
  recoveries[2]!.finish()
  expect(await third).toEqual(transactionHash(transfer(3)))
})

test('what waits is bounded', async () => {
  const { submit, recoveries } = setUp()
  const waiting = Promise.all(Array.from({ length: 2_048 }, (_, nonce) => submit(nonce === 666 ? 0 : nonce)))
  await expect(submit(5_000)).rejects.toMatchObject({ code: 'pool-full' })
  await settle()
  for (const { finish } of recoveries) finish()
  expect(await waiting).toHaveLength(2_048)
  const after = submit(5_000)
  await settle()
  recoveries.at(-1)!.finish()
  await after
})
