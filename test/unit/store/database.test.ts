import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toKey } from '../../../src/primitives/bytes.ts'
import { StoreError } from '../../../src/primitives/errors.ts'
import { Database } from '../../../src/store/database.ts'
import { keys, rangeOf, writeTrieNodeKey } from '../../../src/store/schema.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

let directory: string
let database: Database

beforeEach(async () => {
  directory = temporaryDirectory()
  database = await Database.open(directory)
})

afterEach(async () => {
  await database.close()
  rmSync(directory, { recursive: true, force: true })
})

async function put(...entries: readonly (readonly [key: Uint8Array, value: Uint8Array])[]): Promise<void> {
  const batch = database.batch()
  for (const [key, value] of entries) batch.put(key, value)
  await batch.write({ sync: true })
}

/** Writes past the class, as a fault of the disk would. */
async function withRawLevel(work: (level: Level<Uint8Array, Uint8Array>) => Promise<void>): Promise<void> {
  await database.close()
  const level = new Level<Uint8Array, Uint8Array>(directory, { keyEncoding: 'view', valueEncoding: 'view' })
  await work(level)
  await level.close()
  database = await Database.open(directory)
}

async function collect(range = rangeOf('canonical'), options = {}): Promise<[string, string][]> {
  const found: [string, string][] = []
  for await (const [key, value] of database.entries(range, options)) found.push([toKey(key), toKey(value)])
  return found
}

const REMEDY = /db check.*db repair/

describe('records', () => {
  it('come back as they were written, by get, getMany and entries, after a restart too', async () => {
    const values = [0, 1, 3, 4, 100, 8187, 8188, 8192, 100_000].map((length) => new Uint8Array(length).fill(length))
    await put(...values.map((value, i) => [keys.canonical(i), value] as const))
    for (const reopened of [false, true]) {
      if (reopened) {
        await database.close()
        database = await Database.open(directory)
      }
      const all = values.map((_, i) => keys.canonical(i))
      for (const [i, value] of values.entries()) expect(toKey(database.get(all[i]!)!)).toBe(toKey(value))
      const many = await database.getMany([...all, keys.canonical(99)])
      expect(many.map((value) => value && toKey(value))).toEqual([...values.map(toKey), undefined])
      expect(await collect()).toEqual(values.map((value, i) => [toKey(all[i]!), toKey(value)]))
    }
    expect(database.get(keys.canonical(99))).toBeUndefined()
  })

  it('stand in the order of their numbers, and in ranges of their own', async () => {
    const numbers = [0, 1, 255, 256, 65_535, 2 ** 32, 2 ** 53 - 1]
    await put(...numbers.toReversed().map((number) => [keys.canonical(number), Uint8Array.of(1)] as const))
    await put(
      [keys.body(new Uint8Array(32)), Uint8Array.of(2)],
      [keys.execution(new Uint8Array(32).fill(0xff)), Uint8Array.of(3)],
    )
    const found = (await collect()).map(([key]) => key)
    expect(found).toEqual(numbers.map((number) => toKey(keys.canonical(number))))
    expect((await collect(rangeOf('canonical'), { reverse: true, limit: 2 })).map(([key]) => key)).toEqual(
      found.slice(-2).reverse(),
    )
    await database.clear(rangeOf('canonical'))
    expect(await collect()).toEqual([])
    expect(database.get(keys.body(new Uint8Array(32)))).toBeDefined()
    expect(database.get(keys.execution(new Uint8Array(32).fill(0xff)))).toBeDefined()
  })

  it('are copied when they are put', async () => {
    const key = keys.canonical(1)
    const value = Uint8Array.of(1, 2, 3)
    const batch = database.batch()
    batch.put(key, value)
    key.fill(0)
    value.fill(0)
    await batch.write({ sync: false })
    expect(toKey(database.get(keys.canonical(1))!)).toBe('\x01\x02\x03')
  })

  it('are deleted by the same batch that puts others', async () => {
    await put([keys.canonical(1), Uint8Array.of(1)])
    const batch = database.batch()
    batch.delete(keys.canonical(1))
    batch.put(keys.canonical(2), Uint8Array.of(2))
    expect(database.get(keys.canonical(1))).toBeDefined()
    await batch.write({ sync: false })
    expect(database.get(keys.canonical(1))).toBeUndefined()
    expect(database.get(keys.canonical(2))).toBeDefined()
  })
})

it('keeps nothing of batches that stay empty', async () => {
  const [attach, detach] = (['attachResource', 'detachResource'] as const).map((name) =>
    vi.spyOn(Level.prototype, name),
  )
  database.batch()
  await put()
  await put([keys.canonical(1), Uint8Array.of(1)])
  expect([attach, detach].map((spy) => spy!.mock.calls.length)).toEqual([1, 1])
  vi.restoreAllMocks()
})

describe('checksums', () => {
  const key = keys.canonical(7)

  async function expectDamaged(): Promise<void> {
    const attempts = [async () => database.get(key), () => database.getMany([key]), () => collect()]
    for (const attempt of attempts) {
      const error = await attempt().then(
        () => undefined,
        (thrown) => thrown,
      )
      expect(error).toBeInstanceOf(StoreError)
      expect(error.message).toMatch(/damaged/)
      expect(error.remedy).toMatch(REMEDY)
    }
  }

  it('catch any flipped bit', async () => {
    await put([key, Uint8Array.of(1, 2, 3, 4, 5)])
    await fc.assert(
      fc.asyncProperty(fc.nat(9 * 8 - 1), async (bit) => {
        const flip = async (level: Level<Uint8Array, Uint8Array>) => {
          const value = Uint8Array.from((await level.get(key))!)
          value[bit >> 3] = value[bit >> 3]! ^ (1 << (bit & 7))
          await level.put(key, value)
        }
        await withRawLevel(flip)
        await expectDamaged()
        await withRawLevel(flip)
        expect(toKey(database.get(key)!)).toBe('\x01\x02\x03\x04\x05')
      }),
      { numRuns: 10 },
    )
  })

  it('catch values of other keys, and values cut short', async () => {
    const other = keys.canonical(8)
    await put([key, Uint8Array.of(1)], [other, Uint8Array.of(2)])
    await withRawLevel(async (level) => level.put(key, (await level.get(other))!))
    await expectDamaged()
    for (const length of [0, 1, 3, 4]) {
      await withRawLevel((level) => level.put(key, new Uint8Array(length)))
      await expectDamaged()
    }
  })

  it('are not spent on trie nodes, which hashes check', async () => {
    const nodeKey = new Uint8Array(34)
    const length = writeTrieNodeKey(nodeKey, 0, '\x12\x34', 3)
    expect(toKey(nodeKey.subarray(0, length))).toBe('n\x03\x12\x30')
    await put([nodeKey.subarray(0, length), Uint8Array.of(9)])
    await withRawLevel(async (level) => {
      expect(toKey((await level.get(nodeKey.subarray(0, length)))!)).toBe('\x09')
    })
  })
})

describe('opening', () => {
  it('is refused while another process has the directory open', () => {
    const source = new URL('../../../src/store/database.ts', import.meta.url).href
    const script = `const { Database } = await import(${JSON.stringify(source)})
      await Database.open(${JSON.stringify(directory)}).catch((error) => console.log(error.name + ': ' + error.message))`
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(stdout).toMatch(/StoreError: .* is in use by another process/)
    expect(stdout).toContain(directory)
  })

  it('is refused while this process has the directory open', async () => {
    const refusal = await Database.open(directory).catch((error) => error)
    expect(refusal).toBeInstanceOf(StoreError)
    expect(refusal.message).toMatch(/in use/)
    await put([keys.canonical(1), Uint8Array.of(1)])
  })

  it('works again once it is closed', async () => {
    await database.close()
    database = await Database.open(directory)
    expect(database.get(keys.canonical(1))).toBeUndefined()
  })

  it('names the remedy where the directory is no database', async () => {
    const place = join(directory, 'file')
    writeFileSync(place, 'text')
    const refusal = await Database.open(place).catch((error) => error)
    expect(refusal).toBeInstanceOf(StoreError)
    expect(refusal.remedy).not.toBe('')
    const damaged = join(directory, 'damaged')
    mkdirSync(damaged)
    writeFileSync(join(damaged, 'CURRENT'), 'MANIFEST-000009\n')
    const second = await Database.open(damaged).catch((error) => error)
    expect(second).toBeInstanceOf(StoreError)
    expect(second.remedy).toMatch(REMEDY)
  })
})

describe('a write that fails', () => {
  /** The next write of any LevelDB fails as one on a bad disk does. */
  async function failWrite(message: string): Promise<unknown> {
    const failing = database.batch()
    failing.put(keys.canonical(1), Uint8Array.of(1))
    const other = new Level(join(directory, 'other'))
    await other.open()
    const prototype = Object.getPrototypeOf(other.batch())
    await other.close()
    const write = vi.spyOn(prototype, 'write').mockRejectedValueOnce(new Error(message))
    try {
      return await failing.write({ sync: true }).catch((error: unknown) => error)
    } finally {
      write.mockRestore()
    }
  }

  it('makes every later one fail in the same way, and is told of once', async () => {
    const heard: StoreError[] = []
    database.onFailure((error) => heard.push(error))
    await put([keys.canonical(0), Uint8Array.of(1)])
    const error = await failWrite('IO error: something broke')
    expect(error).toBeInstanceOf(StoreError)
    await expect(put([keys.canonical(2), Uint8Array.of(1)])).rejects.toBe(error)
    await expect(put([keys.canonical(3), Uint8Array.of(1)])).rejects.toBe(error)
    expect(heard).toEqual([error])
    expect(database.get(keys.canonical(0))).toBeDefined()
    expect(database.get(keys.canonical(2))).toBeUndefined()
  })

  it('says that the disk is full where it is', async () => {
    const error = await failWrite('IO error: /data/000003.log: No space left on device')
    expect(error).toMatchObject({
      message: expect.stringMatching(/disk is full/),
      remedy: expect.stringMatching(/free/),
    })
  })
})

async function all<T>(found: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const each of found) list.push(each)
  return list
}

it('is salvaged without an entry whose key is broken, and reads through again', async () => {
  const entries = Array.from(
    { length: 3_000 },
    (_, i) =>
      [keys.body(new Uint8Array(32).fill(i).fill(i >> 8, 0, 1)), crypto.getRandomValues(new Uint8Array(20))] as const,
  )
  await put(...entries)
  // A log becomes a table when the database is opened again.
  await database.close()
  await (await Database.open(directory)).close()
  const table = join(directory, readdirSync(directory).find((name) => name.endsWith('.ldb'))!)
  const bytes = readFileSync(table)
  const value = entries[2_000]![1]
  // Before a value come the key and eight bytes of LevelDB's, the lowest of which says what kind of entry it is.
  const at = bytes.indexOf(value) - 8
  bytes[at] = 0x55
  writeFileSync(table, bytes)

  database = await Database.open(directory)
  await expect(all(database.records())).rejects.toThrow(StoreError)
  await database.close()
  await Database.salvage(directory)
  database = await Database.open(directory)
  const left = await all(database.records())
  expect(left).toHaveLength(new Set(entries.map(([key]) => toKey(key))).size - 1)

  // Killed before the new one has the old one's place.
  await database.close()
  const [salvaged, damaged] = [`${directory}.salvaged`, `${directory}.damaged`]
  renameSync(directory, salvaged)
  mkdirSync(damaged)
  database = await Database.open(directory)
  expect(await all(database.records())).toHaveLength(left.length)
  // Killed while it copied, and then deleted by hand: half a copy is not taken for a database.
  await database.close()
  rmSync(damaged, { recursive: true })
  renameSync(directory, salvaged)
  database = await Database.open(directory)
  expect(await all(database.records())).toEqual([])
  rmSync(salvaged, { recursive: true })
})
