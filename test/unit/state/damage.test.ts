import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Account } from '../../../src/primitives/account.ts'
import { fromKey, type Key, toKey } from '../../../src/primitives/bytes.ts'
import { StoreError } from '../../../src/primitives/errors.ts'
import { putStateMarker } from '../../../src/state/state-marker.ts'
import { keys, rangeOf } from '../../../src/store/schema.ts'
import { change, genesisAccount, plainAccount, TestState, testAccountKey } from '../../support/test-state.ts'

const ACCOUNTS = 400
const REMEDY = /db check.*db repair.*sync or import again/

let test: TestState
let model: Map<Key, Account | undefined>
/** Trie-node records by key, as they are and as they were some blocks ago. */
let records: Map<Key, Key>
let outdated: Map<Key, Key>

async function readRecords(): Promise<Map<Key, Key>> {
  const found = new Map<Key, Key>()
  for await (const [key, value] of test.database.entries(rangeOf('trieNode'))) found.set(toKey(key), toKey(value))
  return found
}

async function writeRecords(changed: Iterable<readonly [Key, Key | undefined]>): Promise<void> {
  const batch = test.database.batch()
  for (const [key, record] of changed) {
    if (record === undefined) batch.delete(fromKey(key))
    else batch.put(fromKey(key), fromKey(record))
  }
  await batch.write({ sync: false })
}

/** @returns how many accounts could not be read. A wrong answer, or another error, fails the test. */
async function refusedReads(): Promise<number> {
  test.reopenState()
  let refused = 0
  for (const [key, expected] of model) {
    try {
      expect(await test.state.read(test.disk, [key])).toEqual([expected])
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      expect(error.remedy).toMatch(REMEDY)
      refused++
    }
  }
  return refused
}

/** Puts records in other records' places, looks, and puts everything back. */
async function refusedReadsWith(changed: ReadonlyMap<Key, Key | undefined>): Promise<number> {
  await writeRecords(changed)
  try {
    return await refusedReads()
  } finally {
    await writeRecords([...changed.keys()].map((key) => [key, records.get(key)] as const))
  }
}

beforeAll(async () => {
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => genesisAccount(i))
  test = await TestState.create(accounts)
  outdated = await readRecords()
  const updated = Array.from(
    { length: 60 },
    (_, i) => [testAccountKey(7 * (i % 50) + i), plainAccount(1n, 5n)] as const,
  )
  const deleted = Array.from({ length: 30 }, (_, i) => [testAccountKey(360 + i), undefined] as const)
  const changes = new Map<Key, Account | undefined>([...updated, ...deleted])
  await test.state.flush(
    await test.extend(
      test.disk,
      1,
      [...changes].map(([key, value]) => change(key, value)),
    ),
  )
  records = await readRecords()
  model = new Map(accounts.map(({ balance }, i) => [testAccountKey(i), plainAccount(0n, balance)]))
  for (const [key, value] of changes) model.set(key, value)
  for (let i = 0; i < 20; i++) model.set(testAccountKey(ACCOUNTS + i), undefined)
})

afterAll(() => test.remove())

const anyRecord = fc.nat().map((n) => [...records][n % records.size]!)

describe('a state whose records are not what was written', () => {
  it('is read whole when nothing is wrong', async () => {
    expect(await refusedReads()).toBe(0)
  })

  it('never answers wrongly for a flipped bit, and says what to do', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecord, fc.nat(), fc.nat(7), async ([key, record], at, bit) => {
        const bytes = fromKey(record)
        const place = at % bytes.length
        bytes[place] = bytes[place]! ^ (1 << bit)
        expect(await refusedReadsWith(new Map([[key, toKey(bytes)]]))).toBeGreaterThan(0)
      }),
      { numRuns: 40 },
    )
  })

  it('never answers wrongly for a flipped bit in what a leaf has of its key, the nibble of its own slot included', async () => {
    for (let i = 0; i < 12; i++) {
      const accountKey = testAccountKey(i)
      // Three nibbles at most lead to a branch of these, so that the rest stands in its record.
      const [key, record] = [...records].find(([, bytes]) => bytes.includes(accountKey.slice(2)))!
      const end = record.indexOf(accountKey.slice(2))
      const start = record[end - 1] === accountKey[1] ? end - 1 : end
      for (const mask of [0x80, 0x10, 0x01]) {
        const bytes = fromKey(record)
        bytes[start] = bytes[start]! ^ mask
        expect(await refusedReadsWith(new Map([[key, toKey(bytes)]]))).toBeGreaterThan(0)
      }
    }
  })

  it('never answers wrongly for a record cut short at any length, or with bytes after it', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecord, fc.nat(), async ([key, record], at) => {
        expect(await refusedReadsWith(new Map([[key, record.slice(0, at % record.length)]]))).toBeGreaterThan(0)
        await refusedReadsWith(new Map([[key, `${record}\0`]]))
      }),
      { numRuns: 30 },
    )
    for (const length of [0, 1, 2, 3, 4]) {
      const [key, record] = [...records][0]!
      expect(await refusedReadsWith(new Map([[key, record.slice(0, length)]]))).toBe(model.size)
    }
  })

  it('never answers wrongly for a record that is lost', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecord, async ([key]) => {
        expect(await refusedReadsWith(new Map([[key, undefined]]))).toBeGreaterThan(0)
      }),
      { numRuns: 15 },
    )
  })

  it('never answers wrongly for records in each other’s places', async () => {
    await fc.assert(
      fc.asyncProperty(anyRecord, anyRecord, async ([keyA, recordA], [keyB, recordB]) => {
        fc.pre(keyA !== keyB)
        const swapped = new Map([
          [keyA, recordB],
          [keyB, recordA],
        ])
        expect(await refusedReadsWith(swapped)).toBeGreaterThan(0)
      }),
      { numRuns: 15 },
    )
  })

  it('never answers wrongly for records of an earlier version', async () => {
    const changed = [...outdated].filter(([key, record]) => records.has(key) && records.get(key) !== record)
    expect(changed.length).toBeGreaterThan(10)
    for (const [key, record] of changed.slice(0, 15)) {
      expect(await refusedReadsWith(new Map([[key, record]]))).toBeGreaterThan(0)
    }
    // Even when all of them are.
    const all = new Map<Key, Key | undefined>([...records.keys()].map((key) => [key, undefined]))
    for (const [key, record] of outdated) all.set(key, record)
    expect(await refusedReadsWith(all)).toBe(model.size)
    await writeRecords([...outdated.keys()].filter((key) => !records.has(key)).map((key) => [key, undefined] as const))
  })

  it('never answers wrongly for bytes of any kind', async () => {
    const junk = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .tuple(fc.constantFrom(0, 1, 2), fc.uint8Array({ maxLength: 80 }))
        .map(([kind, rest]) => Uint8Array.of(kind, ...rest)),
    )
    await fc.assert(
      fc.asyncProperty(anyRecord, junk, async ([key], bytes) => {
        expect(await refusedReadsWith(new Map([[key, toKey(bytes)]]))).toBeGreaterThan(0)
      }),
      { numRuns: 40 },
    )
  })

  it('lets no update or proof through a damaged path', async () => {
    const [rootRecord] = records.keys()
    await writeRecords([[rootRecord!, undefined]])
    test.reopenState()
    const key = testAccountKey(0)
    await expect(test.state.derive(test.disk, [change(key, undefined)])).rejects.toThrow(StoreError)
    await expect(test.state.prove(test.disk, key)).rejects.toThrow(StoreError)
    await writeRecords([[rootRecord!, records.get(rootRecord!)]])
    test.reopenState()
    await expect(test.state.prove(test.disk, key)).resolves.not.toHaveLength(0)
  })

  it('is not opened without its marker, or with one of an unknown block or another root', async () => {
    const marker = test.database.get(keys.meta('state'))!.slice()
    const withMarker = async (put: (batch: ReturnType<typeof test.database.batch>) => void) => {
      const batch = test.database.batch()
      put(batch)
      await batch.write({ sync: false })
    }
    await withMarker((batch) => batch.delete(keys.meta('state')))
    expect(() => test.reopenState()).toThrow(StoreError)
    await withMarker((batch) => putStateMarker(batch, new Uint8Array(32), '\0'.repeat(32)))
    expect(() => test.reopenState()).toThrow(/unknown block/)
    const known = test.disk.blockHash
    await withMarker((batch) => putStateMarker(batch, known, '\x01'.repeat(32)))
    expect(await refusedReads()).toBe(model.size)
    await withMarker((batch) => batch.put(keys.meta('state'), marker))
    expect(await refusedReads()).toBe(0)
  })
})
