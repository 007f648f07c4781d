import { cpSync, rmSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { fromKey } from '../../../src/primitives/bytes.ts'
import { checkState } from '../../../src/state/check.ts'
import { State } from '../../../src/state/state.ts'
import { readStateMarker } from '../../../src/state/state-marker.ts'
import { Database } from '../../../src/store/database.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'
import { blockHash, change, genesisAccount, plainAccount, TestState, testAccountKey } from '../../support/test-state.ts'

const ACCOUNTS = 400
const unpaced = { pause: () => undefined }

/** New, changed and deleted accounts all over the trie. */
const CHANGES = [
  ...Array.from({ length: 150 }, (_, i) => change(testAccountKey(2 * i), plainAccount(1n, 7n))),
  ...Array.from({ length: 60 }, (_, i) => change(testAccountKey(301 + i), undefined)),
  ...Array.from({ length: 40 }, (_, i) => change(testAccountKey(ACCOUNTS + i), plainAccount(0n, 9n))),
]

describe('a flush that a kill interrupts', () => {
  it('leaves a whole state after every batch, from which the account changes lead to the block it was for', async () => {
    const test = await TestState.create(Array.from({ length: ACCOUNTS }, (_, i) => genesisAccount(i)))
    const copies: string[] = []
    let copying = false
    test.reopenState({
      pause: () => {
        if (!copying) return undefined
        copies.push(temporaryDirectory())
        cpSync(test.directory, copies.at(-1)!, { recursive: true })
        return undefined
      },
    })
    const layer = await test.extend(test.disk, 1, CHANGES)
    const { stateRoot } = await test.state.derive(layer, [])
    copying = true
    await test.state.flush(layer)
    copying = false
    let interrupted = 0
    for (const directory of copies) {
      rmSync(`${directory}/LOCK`, { force: true })
      const database = await Database.open(directory)
      const damage: string[] = []
      const check = () =>
        checkState(
          database,
          readStateMarker(database)!.root,
          (what) => damage.push(what),
          () => {},
        )
      await check()
      const state = State.open({ cacheBytes: 1_000_000 }, { database, pacer: unpaced }, () => 0)
      if (state.interrupted !== undefined) {
        interrupted++
        expect(state.interrupted).toEqual(blockHash(1))
        const derived = await state.deriveFromDisk([CHANGES.slice(0, 90), CHANGES.slice(90)])
        expect(derived.stateRoot).toBe(stateRoot)
        await state.flush(state.add(derived, blockHash(1), 1))
        expect(state.interrupted).toBeUndefined()
      }
      expect(readStateMarker(database)).toEqual({
        blockHash: blockHash(1),
        root: fromKey(stateRoot),
        target: undefined,
      })
      await check()
      expect(damage).toEqual([])
      await database.close()
      rmSync(directory, { recursive: true })
    }
    expect(interrupted).toBe(16)
    await test.remove()
  })
})
