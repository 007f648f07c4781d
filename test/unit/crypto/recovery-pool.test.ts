import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nobleRecovery, privateKeyToAddress, signHash } from '../../../src/crypto/noble.ts'
import type { RecoveryName } from '../../../src/crypto/recovery.ts'
import { RecoveryPool, RecoveryPoolError } from '../../../src/crypto/recovery-pool.ts'
import { recoverSigner, recoverTransaction } from '../../../src/crypto/sender.ts'
import type { SignedHash } from '../../../src/crypto/signers-question.ts'
import { bigintToBytes, concatBytes } from '../../../src/primitives/bytes.ts'
import { DecodeError, TxError } from '../../../src/primitives/errors.ts'
import {
  assembleTransaction,
  type RecoveredTransaction,
  type Transaction,
} from '../../../src/primitives/transaction.ts'
import { signedTransfer, testKey, transferFields } from '../../support/transactions.ts'

const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const noble = nobleRecovery()

function expected(tx: Transaction): RecoveredTransaction | TxError {
  try {
    return recoverTransaction(noble, tx)
  } catch (error) {
    if (error instanceof TxError) return error
    throw error
  }
}

/** One of each kind, valid or not. */
const kinds: readonly Transaction[] = [
  signedTransfer(),
  signedTransfer({ type: 1 }, testKey(2)),
  signedTransfer({ type: 0 }, testKey(3)),
  signedTransfer({ type: 0, chainId: undefined }, testKey(4)),
  signedTransfer({ to: undefined, data: new Uint8Array(100).fill(7), gasLimit: 100_000n }, testKey(5)),
  signedTransfer({ accessList: [{ address: new Uint8Array(20), storageKeys: [new Uint8Array(32)] }] }, testKey(6)),
  assembleTransaction(transferFields(), { r: 0n, s: 1n, yParity: 0 }),
  assembleTransaction(transferFields(), { r: 5n, s: 1n, yParity: 1 }),
  assembleTransaction(transferFields(), { ...signHash(testKey(9), testKey(1)), s: N - 1n }),
]

/** A hash, signed; and the signature that its `n - s` makes. */
function signed(seed: number): { readonly low: SignedHash; readonly high: SignedHash } {
  const hash = new Uint8Array(32).fill(seed)
  const { r, s, yParity } = signHash(hash, testKey(seed))
  const written = (number: bigint, parity: number) =>
    concatBytes(bigintToBytes(r, 32), bigintToBytes(number, 32), Uint8Array.of(parity))
  return { low: { hash, signature: written(s, yParity) }, high: { hash, signature: written(N - s, yParity ^ 1) } }
}

/** Decodes as a transaction object, but its encoding is none: what only a bug of ours could send. */
const impossible: Transaction = { ...signedTransfer(), raw: Uint8Array.of(2, 0xc0) }

describe('recovery pool', () => {
  let pool: RecoveryPool
  beforeAll(async () => {
    pool = await RecoveryPool.start({ threads: 2 })
  })
  afterAll(() => pool.stop())

  it('gives for every kind what recovery on one thread gives', async () => {
    expect(await pool.recover(kinds)).toEqual(kinds.map(expected))
  })

  it('refuses signatures that are zero, no point, or high', async () => {
    const verdicts = (await pool.recover(kinds)).map((result) =>
      result instanceof TxError ? result.code : 'recovered',
    )
    expect(verdicts).toEqual([...Array(6).fill('recovered'), ...Array(3).fill('invalid-signature')])
  })

  it('keeps the order over many chunks on several workers', async () => {
    const expectations = kinds.map(expected)
    const picks = Array.from({ length: 3000 }, (_, i) => (i * 7 + (i >> 5)) % kinds.length)
    const results = await pool.recover(picks.map((pick) => kinds[pick]!))
    expect(results).toEqual(picks.map((pick) => expectations[pick]))
  })

  it('answers batches that overlap', async () => {
    const batches = [kinds.slice(0, 2), [], kinds.slice(2, 5), kinds.slice(0, 1)]
    const results = await Promise.all(batches.map((batch) => pool.recover(batch)))
    expect(results).toEqual(batches.map((batch) => batch.map(expected)))
  })

  it('takes transactions of the greatest size', async () => {
    const large = signedTransfer({ data: new Uint8Array(130_000), gasLimit: 1_000_000n }, testKey(7))
    const results = await pool.recover(Array<Transaction>(20).fill(large))
    const senders = results.map((result) => (result instanceof TxError ? undefined : result.sender))
    expect(senders).toEqual(Array(20).fill(privateKeyToAddress(testKey(7))))
  })
})

describe('who signed hashes', () => {
  const { low, high } = signed(1)
  const changed = (at: number) => ({ ...low, signature: low.signature.with(at, low.signature[at]! ^ 1) })
  const items: readonly SignedHash[] = [
    low,
    high,
    changed(31),
    changed(63),
    changed(64),
    { ...low, hash: new Uint8Array(32) },
    { ...low, signature: new Uint8Array(65) },
    { ...low, signature: new Uint8Array(65).fill(255) },
    ...[2, 3, 4].map((seed) => signed(seed).low),
  ]
  const expectations = items.map(({ hash, signature }) => recoverSigner(noble, hash, signature))

  it('is what recovery on one thread says, for good, malleable, wrong and senseless signatures', async () => {
    expect(expectations[0]).toEqual(privateKeyToAddress(testKey(1)))
    const pool = await RecoveryPool.start({ threads: 2 })
    try {
      const picks = Array.from({ length: 1200 }, (_, i) => (i * 7 + (i >> 5)) % items.length)
      // Between batches of another kind, as while a node catches up.
      const [senders, signers, none] = await Promise.all([
        pool.recover(kinds),
        pool.recoverSigners(picks.map((pick) => items[pick]!)),
        pool.recoverSigners([]),
        pool.recover(kinds),
      ])
      expect(signers).toEqual(picks.map((pick) => expectations[pick]))
      expect(senders).toEqual(kinds.map(expected))
      expect(none).toEqual([])
    } finally {
      await pool.stop()
    }
  })
})

describe('a recovery worker that dies', () => {
  it('fails its batch and no other, and is replaced', async () => {
    const pool = await RecoveryPool.start({ threads: 1 })
    try {
      const before = pool.recover([kinds[0]!])
      const fatal = pool.recover([kinds[0]!, impossible])
      const behind = pool.recover([kinds[1]!])
      await expect(fatal).rejects.toThrow(RecoveryPoolError)
      await expect(fatal).rejects.toHaveProperty('cause.name', new DecodeError().name)
      expect(await before).toEqual([expected(kinds[0]!)])
      expect(await behind).toEqual([expected(kinds[1]!)])
      expect(await pool.recover(kinds)).toEqual(kinds.map(expected))
    } finally {
      await pool.stop()
    }
  })

  it('fails a batch of many chunks once', async () => {
    const pool = await RecoveryPool.start({ threads: 2 })
    try {
      const many = [impossible, ...Array<Transaction>(2000).fill(kinds[0]!)]
      await expect(pool.recover(many)).rejects.toThrow('a recovery worker died')
      expect(await pool.recover(kinds)).toEqual(kinds.map(expected))
    } finally {
      await pool.stop()
    }
  })
})

describe('the life of a recovery pool', () => {
  it('runs the backend asked for and says which', async () => {
    for (const backend of ['wasm', 'noble'] as const) {
      const pool = await RecoveryPool.start({ threads: 1, backend })
      expect(pool.backend).toBe(backend)
      expect(await pool.recover(kinds)).toEqual(kinds.map(expected))
      await pool.stop()
    }
  })

  it('does not start with a backend that does not load', async () => {
    const absent = 'absent' as RecoveryName
    await expect(RecoveryPool.start({ threads: 2, backend: absent })).rejects.toThrow(RecoveryPoolError)
    await expect(RecoveryPool.start({ threads: 0 })).rejects.toThrow(RangeError)
  })

  it('ends with stop, which rejects what is pending', async () => {
    const pool = await RecoveryPool.start({ threads: 1 })
    const pending = pool.recover(Array<Transaction>(5000).fill(kinds[0]!))
    const rejection = expect(pending).rejects.toThrow('the recovery pool is stopped')
    await pool.stop()
    await rejection
    await expect(pool.recover(kinds)).rejects.toThrow('the recovery pool is stopped')
    await pool.stop()
  })

  it('keeps a process alive while it works, and no longer', async () => {
    const program = `
      import { RecoveryPool } from './src/crypto/recovery-pool.ts'
      import { signedTransfer } from './test/support/transactions.ts'
      const pool = await RecoveryPool.start({ threads: 2 })
      const results = await pool.recover([signedTransfer()])
      console.log(results[0].hash.length)`
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', program])
    expect(stdout).toBe('32\n')
  })
})
