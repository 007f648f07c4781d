import { rmSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PlaceIndex } from '../../../src/chain/place-index.ts'
import { decodePlaces, encodePlaces, numbersWith, type Places, sortPlaces } from '../../../src/chain/places.ts'
import { DecodeError } from '../../../src/primitives/errors.ts'
import { RlpReader } from '../../../src/primitives/rlp.ts'
import { Database } from '../../../src/store/database.ts'
import { keys, rangeOf } from '../../../src/store/schema.ts'
import { Random } from '../../chaos/random.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

/** An address that every block touches. */
const HOT = 0xfedc_ba98
const PREFIXES = 500
const ASCENDING = { limit: Number.POSITIVE_INFINITY, reverse: false }
const EVERYWHERE = { from: 0, to: 0xffff_ffff }
const pacer = { pause: () => undefined }

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

function prefixAt(i: number): number {
  return Math.imul(i + 1, 0x9e37_79b1) >>> 0
}

/** A block of three transactions, each with one of a few hash and address prefixes. */
function somePlaces(random: Random): Places {
  const pairs = (first: number[]) => {
    const found = [...first]
    for (let i = 0; i < 3; i++) found.push(i, prefixAt(random.integer(0, PREFIXES - 1)))
    return sortPlaces(Uint32Array.from(found))
  }
  return { transaction: pairs([]), address: pairs([0, HOT, 2, HOT]) }
}

/** A chain whose blocks are in the index, and the index as each start finds it. */
class Model {
  readonly canonical: Places[] = []
  index = new PlaceIndex(database)
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  get head(): number {
    return this.canonical.length
  }

  async add(blocks: number): Promise<void> {
    for (let i = 0; i < blocks; i++) {
      this.canonical.push(somePlaces(this.#random))
      this.index.note(this.head, this.canonical.at(-1)!)
      await this.index.settle(this.head, pacer)
    }
  }

  /** What a reorg to another branch does, in its order. */
  async reorg(left: number, joined: number): Promise<void> {
    const fork = this.head - left
    const branch = Array.from({ length: joined }, () => somePlaces(this.#random))
    for (const [i, places] of branch.entries()) {
      this.index.note(fork + 1 + i, places)
      if (this.index.isFull) await this.index.spill(pacer)
    }
    const batch = database.batch()
    this.index.lower(batch, fork)
    await batch.write({ sync: false })
    this.canonical.splice(fork, left, ...branch)
    await this.index.settle(this.head, pacer)
  }

  /** Another process: nothing is left but what is on disk. */
  async restart(): Promise<void> {
    this.index = new PlaceIndex(database)
    this.index.load()
    await this.index.clearLeftovers()
    for (let number = this.index.covered + 1; number <= this.head; number++) {
      this.index.note(number, this.canonical[number - 1]!)
    }
  }

  /** Canonical blocks with a prefix. */
  blocks(kind: keyof Places, prefix: number): number[] {
    return this.canonical.flatMap((places, i) => (numbersWith(places[kind], prefix).length > 0 ? [i + 1] : []))
  }

  /** What the index says, without blocks that a reorg has left behind. */
  found(kind: keyof Places, prefix: number): number[] {
    const numbers = this.index.blocks(kind, prefix, EVERYWHERE, ASCENDING)
    return numbers.filter(
      (number) => numbersWith(this.canonical[number - 1]?.[kind] ?? new Uint32Array(0), prefix).length > 0,
    )
  }

  expectAllFound(): void {
    for (const kind of ['transaction', 'address'] as const) {
      for (const prefix of [
        HOT,
        1,
        ...Array.from({ length: 40 }, () => prefixAt(this.#random.integer(0, PREFIXES - 1))),
      ]) {
        expect(this.found(kind, prefix)).toEqual(this.blocks(kind, prefix))
      }
    }
    for (let i = 0; i < this.head; i += 29) expect(this.index.holds(i + 1, this.canonical[i]!)).toBe(true)
  }
}

async function runsOnDisk(): Promise<Set<number>> {
  const ids = new Set<number>()
  for await (const [key] of database.records(rangeOf('run'))) ids.add(key[8]!)
  return ids
}

/** Runs that the next start would delete. */
function leftoversOnDisk(): number[] {
  const record = new RlpReader(database.get(keys.meta('runs'))!).list()
  record.number('next run')
  const leftovers = record.list()
  const ids: number[] = []
  while (!leftovers.done()) ids.push(leftovers.number('run'))
  return ids
}

describe('the index of places', () => {
  it('misses no block after reorgs, merges and kills', async () => {
    const model = new Model(new Random(5))
    await model.add(1000)
    await model.reorg(300, 310)
    model.expectAllFound()
    await model.restart()
    model.expectAllFound()
    await model.add(4000)
    await model.reorg(30, 31)
    await model.restart()
    model.expectAllFound()
    await model.add(600)
    await model.index.stop()
    await model.restart()
    model.expectAllFound()
  })

  it('merges runs, so that few are looked into', async () => {
    const model = new Model(new Random(6))
    await model.add(256 * 16)
    await model.index.settle(model.head, pacer)
    // Merging goes on beside: it is through when what was merged is deleted.
    await expect.poll(async () => (await runsOnDisk()).size, { timeout: 60_000 }).toBe(1)
    model.expectAllFound()
    await model.restart()
    expect(model.index.covered).toBe(model.head)
    model.expectAllFound()
  })

  it('forgets a merge that was cut short, and what it has written', async () => {
    const model = new Model(new Random(7))
    await model.add(256 * 15)
    const batch = database.batch()
    batch.put(keys.run(15, 0, 0), new Uint8Array(8))
    batch.put(keys.run(20, 0, 0), new Uint8Array(8))
    await batch.write({ sync: false })
    await model.restart()
    expect([...(await runsOnDisk())]).toEqual(Array.from({ length: 15 }, (_, id) => id))
    model.expectAllFound()
    // It is given up where it pauses first; the next run that is written says that it may have left something.
    await model.index.stop()
    await model.add(512)
    const half = database.batch()
    half.put(keys.run(16, 0, 0), new Uint8Array(8))
    await half.write({ sync: false })
    await model.restart()
    expect([...(await runsOnDisk())]).toEqual([...Array.from({ length: 16 }, (_, id) => id), 17])
    model.expectAllFound()
    expect(leftoversOnDisk()).toEqual([16])
    await model.index.spill(pacer)
    expect(leftoversOnDisk()).toEqual([])
  })

  it('reads an address’s blocks in order, a few at a time, in both directions', async () => {
    const model = new Model(new Random(8))
    await model.add(3000)
    await model.reorg(200, 210)
    const all = model.blocks('address', HOT)
    expect(all).toHaveLength(model.head)
    const forth: number[] = []
    for (let from = 0; ; from = forth.at(-1)! + 1) {
      const found = model.index.blocks('address', HOT, { from, to: 0xffff_ffff }, { limit: 7, reverse: false })
      forth.push(...found)
      if (found.length < 7) break
    }
    const back: number[] = []
    for (let to = 0xffff_ffff; ; to = back.at(-1)! - 1) {
      const found = model.index.blocks('address', HOT, { from: 0, to }, { limit: 7, reverse: true })
      back.push(...found)
      if (found.length < 7) break
    }
    expect(forth).toEqual(all)
    expect(back).toEqual(all.toReversed())
  })

  it('says that it is damaged where a record is missing, and shows a check that a block is', async () => {
    const model = new Model(new Random(9))
    await model.add(300)
    expect(model.index.holds(7, { transaction: Uint32Array.of(0, 1), address: new Uint32Array(0) })).toBe(false)
    for (const key of [keys.run(0, 1, 0xffff_ffff), keys.meta('runs')]) {
      const value = database.get(key)!.slice()
      const batch = database.batch()
      batch.delete(key)
      await batch.write({ sync: false })
      expect(() => new PlaceIndex(database).load()).toThrow(/the database is damaged/)
      const restored = database.batch()
      restored.put(key, value)
      await restored.write({ sync: false })
    }
    await model.restart()
    model.expectAllFound()
  })
})

describe('places on disk', () => {
  it('come back as they were, and nothing else passes for them', () => {
    const places = somePlaces(new Random(1))
    const record = encodePlaces(places)
    expect(decodePlaces(record)).toEqual(places)
    for (const cut of [0, 3, 4, 8, record.length - 4, record.length - 1]) {
      if (cut !== 8) expect(() => decodePlaces(record.subarray(0, cut))).toThrow(DecodeError)
    }
    expect(() => decodePlaces(Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0))).toThrow(DecodeError)
  })

  it('are sorted by prefix, then number, each once', () => {
    const sorted = sortPlaces(Uint32Array.of(5, 0xffff_ffff, 1, 7, 0, 7, 5, 0xffff_ffff, 1, 7, 9, 0))
    expect([...sorted]).toEqual([9, 0, 0, 7, 1, 7, 5, 0xffff_ffff])
  })
})
