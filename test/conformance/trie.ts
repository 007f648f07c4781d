import { keccak256Key } from '../../src/crypto/keccak.ts'
import { fromHex, fromKey, type Key, toHex, toKey } from '../../src/primitives/bytes.ts'
import { NodeFactory } from '../../src/trie/node.ts'
import { bytesCodec } from '../../src/trie/ordered.ts'
import { proveKey, verifyProof } from '../../src/trie/proof.ts'
import { updateTrie } from '../../src/trie/update.ts'
import { jsonFiles } from './cases.ts'
import { expectSame, judgeCase, type Suite } from './report.ts'

type Operation = readonly [key: string, value: string | null]

interface TrieCase {
  readonly in: readonly Operation[] | Readonly<Record<string, string>>
  readonly root?: string
}

/** Operations on a trie, one by one and all at once, and the root they lead to. Secure tries hash their keys. */
export const run: Suite = async (dir, report) => {
  for (const { name: file, content } of jsonFiles(dir, report)) {
    const secure = /secure/i.test(file)
    const anyOrder = /anyorder/i.test(file)
    for (const [name, value] of Object.entries(content)) {
      const testCase = value as TrieCase
      if (testCase.root === undefined) report.skip(`${file}: about the order of keys, no root given`)
      else await judgeCase(report, `${file} ${name}`, () => judgeTrie(testCase, testCase.root!, secure, anyOrder))
    }
  }
}

function judgeTrie(testCase: TrieCase, root: string, secure: boolean, anyOrder: boolean): void {
  const listed = Array.isArray(testCase.in) ? (testCase.in as Operation[]) : Object.entries(testCase.in)
  const operations = listed.map(([key, value]) => {
    const bytes = toBytes(key)
    return { key: secure ? keccak256Key(bytes) : toKey(bytes), value: value === null ? undefined : toBytes(value) }
  })
  const expected = root.startsWith('0x') ? root : `0x${root}`
  expectSame('root', rootAfter(operations, false), expected)
  expectSame('root of one batch', rootAfter(operations, true), expected)
  if (anyOrder) expectSame('root in reverse order', rootAfter(operations.toReversed(), false), expected)
}

interface TrieOperation {
  readonly key: Key
  readonly value: Uint8Array | undefined
}

function rootAfter(operations: readonly TrieOperation[], atOnce: boolean): string {
  const factory = new NodeFactory(bytesCodec)
  const last = new Map(operations.map((operation) => [operation.key, operation]))
  const batches = atOnce ? [[...last.values()]] : operations.map((operation) => [operation])
  const root = batches.reduce<ReturnType<typeof updateTrie<Uint8Array>>>(
    (child, batch) => updateTrie(factory, child, batch),
    undefined,
  )
  const rootHash = factory.rootHash(root)
  for (const { key, value } of last.values()) {
    const proven = verifyProof(rootHash, key, proveKey(factory, root, key))
    expectSame(`proven value of ${toHex(fromKey(key))}`, hexOrNone(proven), hexOrNone(value))
  }
  return toHex(fromKey(rootHash))
}

function hexOrNone(value: Uint8Array | undefined): string {
  return value === undefined ? 'none' : toHex(value)
}

/** Text, unless it begins with 0x. */
function toBytes(text: string): Uint8Array {
  return text.startsWith('0x') ? fromHex(text) : new TextEncoder().encode(text)
}
