import { verifyMerkleProof } from '@ethereumjs/mpt'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Account, EMPTY_ACCOUNT, encodeAccount } from '../../src/primitives/account.ts'
import { fromKey, type Key } from '../../src/primitives/bytes.ts'
import { StateUnavailableError } from '../../src/primitives/errors.ts'
import { checkState } from '../../src/state/check.ts'
import type { Layer } from '../../src/state/layer.ts'
import { EMPTY_ROOT } from '../../src/trie/node.ts'
import { verifyProof } from '../../src/trie/proof.ts'
import { bytesOf } from '../support/arbitraries.ts'
import { referenceRoot } from '../support/reference-trie.ts'
import { change, genesisAccount, plainAccount, TestState, testAccountKey } from '../support/test-state.ts'

const ACCOUNTS = 150
const GENESIS = Array.from({ length: 100 }, (_, i) => genesisAccount(i))

const account: fc.Arbitrary<Account | undefined> = fc.oneof(
  fc.constant(undefined),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 1n, max: 2n ** 200n }))
    .map(([nonce, balance]) => plainAccount(nonce, balance)),
  fc.record({ storageRoot: bytesOf(32), codeHash: bytesOf(32) }).map((hashes) => ({ ...EMPTY_ACCOUNT, ...hashes })),
)
const accountKey = fc.nat(ACCOUNTS - 1).map(testAccountKey)
const changes = fc.uniqueArray(fc.tuple(accountKey, account), { selector: ([key]) => key, maxLength: 25 })

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('block' as const), on: fc.nat(), changes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), of: fc.nat(), meanwhile: changes }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('trim' as const), newest: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('read' as const), of: fc.nat(), keys: fc.array(accountKey) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const), process: fc.boolean() }) },
)

type Content = ReadonlyMap<Key, Account>
type Changes = readonly (readonly [Key, Account | undefined])[]

function contentWith(before: Content, changed: Changes): Content {
  const content = new Map(before)
  for (const [key, value] of changed) {
    if (value === undefined) content.delete(key)
    else content.set(key, value)
  }
  return content
}

/** Runs steps on a state and on plain maps, comparing the two. */
class Comparison {
  readonly test: TestState
  /** What is held, the one on disk first. */
  held: { readonly layer: Layer; readonly content: Content }[]
  readonly dropped: { readonly layer: Layer; readonly content: Content }[] = []
  #nextBlock = 1

  constructor(test: TestState) {
    this.test = test
    const content = new Map(GENESIS.map(({ balance }, i) => [testAccountKey(i), plainAccount(0n, balance)]))
    this.held = [{ layer: test.disk, content }]
  }

  at(n: number) {
    return this.held[n % this.held.length]!
  }

  async block(base: { readonly layer: Layer; readonly content: Content }, changed: Changes): Promise<void> {
    const content = contentWith(base.content, changed)
    const layer = await this.test.extend(
      base.layer,
      this.#nextBlock++,
      changed.map(([key, value]) => change(key, value)),
    )
    this.held.push({ layer, content })
  }

  async flush(target: { readonly layer: Layer; readonly content: Content }, meanwhile: Changes): Promise<void> {
    const kept = this.held.filter(({ layer }) => descends(layer, target.layer))
    const gone = this.held.filter((entry) => !kept.includes(entry))
    const flushed = this.test.state.flush(target.layer)
    await this.block(target, meanwhile)
    for (const { layer, content } of kept) await this.read(layer, content, [...content.keys()].slice(0, 5))
    await flushed
    this.held = [target, ...kept.filter((entry) => entry !== target), this.held.at(-1)!]
    this.dropped.push(...gone)
    expect(this.test.state.disk.blockHash).toEqual(target.layer.blockHash)
    await this.checkDisk(target.content)
    for (const { layer } of this.held) expect(this.test.state.layer(layer.blockHash)).toBe(layer)
    for (const { layer } of gone) expect(this.test.state.layer(layer.blockHash)).toBeUndefined()
  }

  /** Nothing is missing there, and nothing left of earlier versions. */
  async checkDisk(content: Content): Promise<void> {
    const damage: string[] = []
    const root = fromKey(await rootOf(content))
    const report = (what: string) => damage.push(what)
    const { accounts } = await checkState(this.test.database, root, report, () => {})
    expect(accounts).toBe(content.size)
    // Genesis accounts have no storage; those that the blocks here make up have roots of nothing.
    expect(damage.filter((what) => !/code|storage/.test(what))).toEqual([])
  }

  async read(layer: Layer, content: Content, keys: readonly Key[]): Promise<void> {
    expect(await this.test.state.read(layer, keys)).toEqual(keys.map((key) => content.get(key)))
  }

  /** Layers that a flush has dropped answer as before or not at all. */
  async readDropped(keys: readonly Key[]): Promise<void> {
    for (const { layer, content } of this.dropped) {
      for (const key of keys) {
        const answer = await this.test.state.read(layer, [key]).catch((error) => error)
        if (!(answer instanceof StateUnavailableError)) expect(answer).toEqual([content.get(key)])
      }
    }
  }

  async reopen(process: boolean): Promise<void> {
    const { content } = this.held[0]!
    if (process) await this.test.reopen()
    else this.test.reopenState()
    this.held = [{ layer: this.test.disk, content }]
    this.dropped.length = 0
  }

  async prove(layer: Layer, content: Content, key: Key, root: Key): Promise<void> {
    const proof = await this.test.state.prove(layer, key)
    const expected = content.get(key)
    const encoded = expected && encodeAccount(expected)
    expect(verifyProof(root, key, proof)).toEqual(encoded)
    if (root === EMPTY_ROOT) return
    const theirs = await verifyMerkleProof(fromKey(key), proof, { root: fromKey(root) })
    expect(theirs).toEqual(encoded ?? null)
  }
}

function descends(layer: Layer, from: Layer): boolean {
  for (let at: Layer | undefined = layer; at !== undefined; at = at.base) if (at === from) return true
  return false
}

async function stateRootOf({ state }: TestState, layer: Layer): Promise<Key> {
  const derived = await state.derive(layer, [])
  state.discard(derived)
  return derived.stateRoot
}

async function rootOf(content: Content): Promise<Key> {
  return referenceRoot([...content].map(([key, value]) => [key, encodeAccount(value)] as const))
}

const everyKey = Array.from({ length: ACCOUNTS }, (_, i) => testAccountKey(i))

describe('state', () => {
  it('answers at every layer held as a plain map does, over forks, flushes, evictions and restarts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        const test = await TestState.create(GENESIS, 2_000)
        try {
          const comparison = new Comparison(test)
          for (const next of steps) {
            if (next.kind === 'block') await comparison.block(comparison.at(next.on), next.changes)
            if (next.kind === 'flush') await comparison.flush(comparison.at(next.of), next.meanwhile)
            if (next.kind === 'read') {
              const { layer, content } = comparison.at(next.of)
              await comparison.read(layer, content, next.keys)
              await comparison.readDropped(next.keys.slice(0, 3))
            }
            if (next.kind === 'trim') {
              for (let sixteenth = 0; sixteenth < 16; sixteenth++) test.state.trim(comparison.at(next.newest).layer)
            }
            if (next.kind === 'reopen') await comparison.reopen(next.process)
          }
          for (const { layer, content } of comparison.held) {
            await comparison.read(layer, content, everyKey)
            expect(await stateRootOf(test, layer)).toBe(await rootOf(content))
          }
          await comparison.readDropped(everyKey.slice(0, 30))
          test.state.forget()
          expect(test.state.memoryBytes).toBe(0)
        } finally {
          await test.remove()
        }
      }),
      { numRuns: 30 },
    )
  })

  it('derives the root of another implementation, and proves what is there and what is not', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 6 }), accountKey, async (blocks, asked) => {
        const test = await TestState.create(GENESIS, 2_000)
        try {
          const comparison = new Comparison(test)
          for (const block of blocks) await comparison.block(comparison.held.at(-1)!, block)
          const { layer, content } = comparison.held.at(-1)!
          const root = await rootOf(content)
          expect(await stateRootOf(test, layer)).toBe(root)
          await comparison.prove(layer, content, asked, root)
          await comparison.flush(comparison.held.at(-1)!, [])
          await comparison.reopen(true)
          for (const key of [asked, testAccountKey(ACCOUNTS)]) {
            await comparison.prove(test.disk, content, key, root)
          }
        } finally {
          await test.remove()
        }
      }),
      { numRuns: 20 },
    )
  })

  it('shrinks to nothing and grows again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(everyKey.slice(0, 100), { minLength: 100 }), async (order) => {
        const test = await TestState.create(GENESIS, 2_000)
        try {
          const comparison = new Comparison(test)
          for (let at = 0; at < 100; at += 20) {
            const gone = order.slice(at, at + 20).map((key) => [key, undefined] as const)
            await comparison.block(comparison.held.at(-1)!, gone)
            const { content } = comparison.held.at(-1)!
            await comparison.flush(comparison.held.at(-1)!, [])
            // Siblings of what goes next are on disk only.
            await comparison.reopen(false)
            expect((await test.state.derive(test.disk, [])).stateRoot).toBe(await rootOf(content))
          }
          expect(comparison.held[0]!.content.size).toBe(0)
          await comparison.block(comparison.held[0]!, [[order[0]!, plainAccount(1n, 1n)]])
          await comparison.flush(comparison.held.at(-1)!, [])
          await comparison.reopen(true)
          await comparison.read(test.disk, comparison.held[0]!.content, everyKey)
        } finally {
          await test.remove()
        }
      }),
      { numRuns: 5 },
    )
  })
})
