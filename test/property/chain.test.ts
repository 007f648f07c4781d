import { cpSync, rmSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Chain, ChainOptions } from '../../src/chain/chain.ts'
import { checkChain } from '../../src/chain/check.ts'
import { createPacer } from '../../src/node/system.ts'
import { toKey } from '../../src/primitives/bytes.ts'
import type { Database } from '../../src/store/database.ts'
import {
  branchTo,
  compareHistory,
  describeChain,
  EventReplay,
  expectedTip,
  makeTree,
  parentsFirst,
  plannedTree,
  type TreeBlock,
  treeGenesis,
} from '../support/block-tree.ts'
import { londonEngine } from '../support/london-engine.ts'
import { openTestChain, type TestChain, temporaryDirectory } from '../support/test-chain.ts'

const MAX_BLOCKS = 24

/** So little room that flushes, lost layers and rebuilt states happen with a handful of blocks. */
const options: fc.Arbitrary<Omit<ChainOptions, 'genesis'>> = fc.oneof(
  fc.record({
    layers: fc.constantFrom(1, 2, 5),
    layerChanges: fc.constantFrom(1, 10),
    unflushedChanges: fc.constantFrom(1, 6, 1000),
    undoBlocks: fc.constantFrom(1, 3, 100),
    stateCacheBytes: fc.constantFrom(0, 100_000),
  }),
  fc.constant({}),
)

const priorities = fc.array(fc.nat(1000), { minLength: MAX_BLOCKS, maxLength: MAX_BLOCKS })
const plan = plannedTree(MAX_BLOCKS)

async function open(given: Omit<ChainOptions, 'genesis'>, directory = temporaryDirectory()): Promise<TestChain> {
  return openTestChain({ ...given, genesis: treeGenesis }, londonEngine, { directory })
}

/** What a chain says that has seen nothing but the branch of `tip`. */
async function straight(tree: readonly TreeBlock[], tip: number) {
  const { chain, remove } = await open({})
  for (const block of branchTo(tree, tip)) await chain.import(block)
  const description = await describeChain(chain, tree)
  await remove()
  return description
}

async function expectSame(chain: Chain, tree: readonly TreeBlock[], tip: number): Promise<void> {
  expect(await describeChain(chain, tree)).toEqual(await straight(tree, tip))
  const { stored, computed, commitment } = compareHistory(chain)
  expect(stored).toEqual(computed)
  expect(toKey(chain.ancestry(chain.head.hash)!.historyRoot())).toBe(toKey(hex(commitment)))
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.slice(2), 'hex'))
}

function tipOf(tree: readonly TreeBlock[], chain: Chain): number {
  return tree.findIndex(({ block }) => toKey(block.hash) === toKey(chain.head.hash))
}

describe('a tree of blocks', () => {
  it('ends at the head and state of its heaviest branch, imported in any order, one by one or all at once', async () => {
    await fc.assert(
      fc.asyncProperty(plan, priorities, options, fc.boolean(), async (planned, order, given, atOnce) => {
        const tree = await makeTree(planned)
        const places = parentsFirst(tree, order)
        const { chain, remove } = await open(given)
        try {
          const replay = new EventReplay(chain)
          const imports = places.map((i) => () => chain.import(tree[i]!.block))
          if (atOnce) await Promise.all(imports.map((start) => start()))
          else for (const start of imports) await start()
          await expectSame(chain, tree, expectedTip(tree, places))
          expect(replay.faults).toEqual([])
          expect(replay.canonical.at(-1)).toBe(toKey(chain.head.hash))
          expect(replay.canonical).toHaveLength(chain.head.header.number + 1)
        } finally {
          await remove()
        }
      }),
      { numRuns: 40 },
    )
  })

  it('is the same after any stops and restarts', async () => {
    const stops = fc.uniqueArray(fc.nat(MAX_BLOCKS), { maxLength: 3 })
    await fc.assert(
      fc.asyncProperty(plan, priorities, options, stops, async (planned, order, given, stopAt) => {
        const tree = await makeTree(planned)
        const places = parentsFirst(tree, order)
        let test = await open(given)
        try {
          for (const [n, i] of places.entries()) {
            if (stopAt.includes(n)) {
              const before = await describeChain(test.chain, tree)
              await test.chain.close()
              await test.database.close()
              test = await open(given, test.directory)
              expect(await describeChain(test.chain, tree)).toEqual(before)
            }
            await test.chain.import(tree[i]!.block)
          }
          await expectSame(test.chain, tree, expectedTip(tree, places))
        } finally {
          await test.remove()
        }
      }),
      { numRuns: 25 },
    )
  })

  it('loses nothing acknowledged in a crash, and can go on from there', async () => {
    await fc.assert(
      fc.asyncProperty(plan, priorities, options, fc.nat(MAX_BLOCKS), async (planned, order, given, crashAfter) => {
        const tree = await makeTree(planned)
        const places = parentsFirst(tree, order)
        const before = await open(given)
        const copy = temporaryDirectory()
        const acknowledged: number[] = []
        const started = places.map(async (i) => {
          await before.chain.import(tree[i]!.block)
          acknowledged.push(i)
        })
        await Promise.race([Promise.all(started), ...started.slice(crashAfter, crashAfter + 1)])
        const held = [...acknowledged]
        // The directory as a kill of the process would leave it.
        cpSync(before.directory, copy, { recursive: true })
        await Promise.all(started)
        await before.remove()
        rmSync(`${copy}/LOCK`, { force: true })
        const after = await open(given, copy)
        try {
          for (const i of held) expect(after.chain.store.header(tree[i]!.block.hash)).toBeDefined()
          const best = held.length === 0 ? undefined : tree[expectedTip(tree, held)]
          if (best) expect(after.chain.head.totalDifficulty).toBeGreaterThanOrEqual(best.totalDifficulty)
          for (const i of places) await after.chain.import(tree[i]!.block)
          expect(after.chain.head.totalDifficulty).toBe(tree[expectedTip(tree, places)]!.totalDifficulty)
          await expectSame(after.chain, tree, tipOf(tree, after.chain))
        } finally {
          await after.remove()
        }
      }),
      { numRuns: 25 },
    )
  })
})

/** Side blocks that were never executed are not taken back: with little room for states, trees without side branches. */
const rewound = fc.oneof(
  fc.record({ planned: plan, given: fc.constant({}) }),
  fc.record({
    planned: plan.map((blocks) => blocks.map((block, i) => ({ ...block, parent: i - 1 }))),
    given: options,
  }),
)

describe('a chain that is told to go back', () => {
  it('is as one that never went on, also after a kill, and can take in again what it has left', async () => {
    await fc.assert(
      fc.asyncProperty(rewound, priorities, fc.nat(MAX_BLOCKS), async ({ planned, given }, order, back) => {
        const tree = await makeTree(planned)
        const places = parentsFirst(tree, order)
        const test = await open(given)
        const [during, after] = [temporaryDirectory(), temporaryDirectory()]
        try {
          const { chain, database } = test
          const replay = new EventReplay(chain)
          for (const i of places) await chain.import(tree[i]!.block)
          const whole = await describeChain(chain, tree)
          const target = back % (chain.head.header.number + 1)
          await chain.rewind(target, () => cpSync(test.directory, during, { recursive: true }))
          cpSync(test.directory, after, { recursive: true })
          expect(chain.head.header.number).toBe(target)
          const less = await straight(tree, tipOf(tree, chain))
          expect(await describeChain(chain, tree)).toEqual(less)
          expect(await damage(database)).toEqual([])

          expect(await reopened(given, after, tree)).toEqual(less)
          if (target < whole.canonical.filter((hash) => hash !== undefined).length - 1) {
            expect(await reopened(given, during, tree)).toEqual(whole)
          }

          for (const i of places) await chain.import(tree[i]!.block)
          expect(chain.head.totalDifficulty).toBe(whole.head.totalDifficulty)
          await expectSame(chain, tree, tipOf(tree, chain))
          expect(await damage(database)).toEqual([])
          expect(replay.faults).toEqual([])
        } finally {
          await test.remove()
          for (const directory of [during, after]) rmSync(directory, { recursive: true, force: true })
        }
      }),
      { numRuns: 40 },
    )
  })
})

/** What a chain says that starts on a directory as a kill has left it. */
async function reopened(given: Omit<ChainOptions, 'genesis'>, directory: string, tree: readonly TreeBlock[]) {
  rmSync(`${directory}/LOCK`, { force: true })
  const test = await open(given, directory)
  const description = await describeChain(test.chain, tree)
  expect(await damage(test.database)).toEqual([])
  await test.chain.close()
  await test.database.close()
  return description
}

async function damage(database: Database): Promise<string[]> {
  const found: string[] = []
  const report = (part: string, what: string) => found.push(`${part}: ${what}`)
  await checkChain({ database, engine: londonEngine, pacer: createPacer(), report, onProgress: () => undefined })
  return found
}
