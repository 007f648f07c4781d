import { rmSync } from 'node:fs'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { hashHeader } from '../../../src/crypto/hashes.ts'
import { sealRecords } from '../../../src/node/seal-records.ts'
import { Database } from '../../../src/store/database.ts'
import { keys } from '../../../src/store/schema.ts'
import { headerWith } from '../../support/header-chain.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

let directory: string
let database: Database

beforeEach(async () => {
  directory = temporaryDirectory()
  database = await Database.open(directory)
})
afterEach(async () => {
  await database.close()
  rmSync(directory, { recursive: true })
})

it('is undefined until something is saved, and then what was saved last, after a restart too', async () => {
  const { highestSealed, conflictingFinal } = sealRecords(database)
  expect([highestSealed.load(), conflictingFinal.load()]).toEqual([undefined, undefined])
  const header = (number: number, miner: number) =>
    hashHeader(
      headerWith({ number, miner: new Uint8Array(20).fill(miner), extraData: new Uint8Array(97).fill(number) }),
    )
  const conflict = {
    kind: 'conflicting-final' as const,
    ours: [header(9, 1), header(8, 2)],
    theirs: [header(9, 3), header(8, 2), header(7, 1)],
  }
  await conflictingFinal.save(conflict)
  await highestSealed.save(127)
  await highestSealed.save(128)
  await database.close()
  database = await Database.open(directory)
  const reopened = sealRecords(database)
  expect(reopened.highestSealed.load()).toBe(128)
  expect(reopened.conflictingFinal.load()).toEqual(conflict)
})

it('takes a record that it cannot read for damage, not for none', async () => {
  const batch = database.batch()
  batch.put(keys.meta('sealed'), Uint8Array.of(0xc1, 0xc0))
  batch.put(keys.meta('conflict'), Uint8Array.of(0xc2, 0xc1, 0xc0))
  await batch.write({ sync: false })
  const { highestSealed, conflictingFinal } = sealRecords(database)
  expect(() => conflictingFinal.load()).toThrow('damaged')
  expect(() => highestSealed.load()).toThrow('damaged')
})
