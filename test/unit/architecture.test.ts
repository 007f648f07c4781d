import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'

/**
 * The rooms of docs/architecture.md and what each may import, beside itself. A file named here is allowed alone,
 * without its room.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  primitives: [],
  crypto: ['primitives'],
  store: ['primitives'],
  trie: ['crypto', 'primitives'],
  state: ['trie', 'store', 'crypto', 'primitives'],
  consensus: ['crypto', 'primitives'],
  chain: ['state', 'trie', 'store', 'crypto', 'primitives', 'consensus/engine.ts'],
  pool: ['chain', 'store', 'crypto', 'primitives'],
  miner: ['pool', 'chain', 'crypto', 'primitives', 'consensus/engine.ts'],
  light: ['chain', 'consensus', 'trie', 'crypto', 'primitives'],
  p2p: ['light', 'pool', 'chain', 'crypto', 'primitives'],
  rpc: ['crypto', 'primitives'],
  wallet: ['crypto', 'primitives'],
  node: [
    'primitives',
    'crypto',
    'store',
    'trie',
    'state',
    'consensus',
    'chain',
    'pool',
    'miner',
    'light',
    'p2p',
    'rpc',
    'wallet',
  ],
  cli: ['node', 'wallet', 'primitives'],
  'index.ts': ['node', 'chain', 'primitives'],
  'light.ts': ['node', 'light', 'p2p', 'chain', 'crypto', 'primitives'],
}

/** Rooms where the machine's clock, timers and dice may be touched; everywhere else they are passed in. Keys are another matter. */
const MAY_TOUCH_THE_MACHINE = ['node', 'cli']
const MACHINE = /\b(Date\.now|new Date\(\)|performance\.now|setTimeout|setInterval|setImmediate|Math\.random)\b/

const ROOT = new URL('../../src', import.meta.url).pathname
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))

/** The room of a file, by its path below src. */
function roomOf(file: string): string {
  return file.split('/')[0]!
}

const IMPORT = /(?:\bfrom|\bimport|\bimport\(|new URL\()\s*'(\.{1,2}\/[^']+)'/g

/** Files below src that `file` imports, loads as a worker, or takes types from. */
function importsOf(file: string, read = (source: string) => source): string[] {
  const source = read(readFileSync(join(ROOT, file), 'utf8'))
  return [...source.matchAll(IMPORT)]
    .map(([, target]) => relative(ROOT, join(ROOT, dirname(file), target!)))
    .filter((target) => target.endsWith('.ts') && !target.startsWith('..'))
}

const imports = new Map(files.map((file) => [file, importsOf(file)]))

describe('every file', () => {
  test('lies in a room that the table knows', () => {
    expect(files.filter((file) => !(roomOf(file) in MAY_IMPORT))).toEqual([])
  })

  test('imports files that are there, from rooms that its own may import', () => {
    const forbidden = [...imports].flatMap(([file, targets]) => {
      const room = roomOf(file)
      const allowed = [room, ...(MAY_IMPORT[room] ?? [])]
      return targets
        .filter((target) => !imports.has(target) || !(allowed.includes(roomOf(target)) || allowed.includes(target)))
        .map((target) => `${file} -> ${target}`)
    })
    expect(forbidden).toEqual([])
  })

  test('is in no circle of imports', () => {
    expect(findCircle()).toBeUndefined()
  })

  test('takes time and randomness as arguments, outside of the rooms that put things together', () => {
    const touching = files
      .filter((file) => !MAY_TOUCH_THE_MACHINE.includes(roomOf(file)))
      .filter((file) => MACHINE.test(withoutComments(readFileSync(join(ROOT, file), 'utf8'))))
    expect(touching).toEqual([])
  })
})

/** Packages that run in a browser as they are, or say themselves what they are there. */
const IN_BROWSERS = [
  '@chainsafe/is-ip',
  '@chainsafe/is-ip/parse',
  '@chainsafe/libp2p-gossipsub',
  '@chainsafe/libp2p-noise',
  '@chainsafe/libp2p-yamux',
  '@chainsafe/netmask',
  '@libp2p/crypto/keys',
  '@libp2p/identify',
  '@libp2p/interface',
  '@libp2p/peer-id',
  '@libp2p/peer-record',
  '@libp2p/ping',
  '@libp2p/websockets',
  '@multiformats/multiaddr',
  '@noble/hashes/hmac.js',
  '@noble/hashes/sha2.js',
  '@noble/hashes/sha3.js',
  '@noble/secp256k1',
  'datastore-core',
  'interface-datastore',
  'libp2p',
  'uint8arraylist',
]

test('idobata/light loads nothing that only Node has', () => {
  const loaded = new Set<string>()
  const packages = new Set<string>()
  const load = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const target of importsOf(file, withoutTypes)) load(target)
    for (const [, name] of withoutTypes(readFileSync(join(ROOT, file), 'utf8')).matchAll(/\bfrom '([^.'][^']*)'/g)) {
      packages.add(name!)
    }
  }
  load('light.ts')
  expect(loaded.size).toBeGreaterThan(100)
  expect([...packages].filter((name) => !IN_BROWSERS.includes(name))).toEqual([])
})

function withoutTypes(source: string): string {
  return source.replace(/^(import|export) type [^;]*? from '[^']*'$/gm, '')
}

test('the table itself has no circles', () => {
  const order = Object.keys(MAY_IMPORT)
  for (const [room, allowed] of Object.entries(MAY_IMPORT)) {
    for (const target of allowed)
      expect(order.indexOf(roomOf(target)), `${room} -> ${target}`).toBeLessThan(order.indexOf(room))
  }
})

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
}

/** The first circle that a depth-first walk meets, as a chain of files. */
function findCircle(): string[] | undefined {
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const target of imports.get(file) ?? []) {
      const circle = walk(target, [...path, file])
      if (circle) return circle
    }
    done.add(file)
    return undefined
  }
  for (const file of files) {
    const circle = walk(file, [])
    if (circle) return circle
  }
  return undefined
}
