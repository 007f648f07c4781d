import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Key } from '../../src/primitives/bytes.ts'
import { AccountNodes } from '../../src/state/account-nodes.ts'
import { AccountUpdate } from '../../src/state/account-update.ts'
import { type AccountValue, accountCodec, encodeAccountValue } from '../../src/state/account-value.ts'
import { NodeFactory } from '../../src/trie/node.ts'
import { updateTrie } from '../../src/trie/update.ts'
import { plainAccount } from '../support/test-state.ts'

/** Keys that part late, early and in between, so that extensions of all lengths come and go. */
const key: fc.Arbitrary<Key> = fc
  .tuple(fc.constantFrom('\x11', '\x12', '\x21'), fc.nat(31), fc.constantFrom('\x00', '\x01', '\x10', '\xff'))
  .map(([start, at, byte]) => start.repeat(at).concat(byte).padEnd(32, start))
const value = fc
  .option(fc.tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 2n ** 200n })))
  .map((fields) => (fields === null ? undefined : encodeAccountValue(plainAccount(...fields))))
const changes = fc
  .array(fc.tuple(key, value), { maxLength: 40 })
  .map((entries) => [...new Map(entries)].map(([changed, account]) => ({ key: changed, value: account })))

describe('the account trie', () => {
  it('has the roots of the trie for any keys, at every version, and frees all of each version that goes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 8 }), async (blocks) => {
        const nodes = new AccountNodes()
        const factory = new NodeFactory<AccountValue>(accountCodec)
        const roots = [0]
        let reference: ReturnType<typeof updateTrie<AccountValue>>
        for (const block of blocks) {
          const { root, rootHash } = await new AccountUpdate(nodes, block).apply(roots.at(-1)!, {
            pause: () => undefined,
          })
          reference = updateTrie(factory, reference, block)
          expect(rootHash).toBe(factory.rootHash(reference))
          roots.push(root)
        }
        for (const root of roots) if (root !== 0) nodes.release(root)
        expect(nodes.arena.usedBytes).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})
