import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Suite, Tally } from './report.ts'

/** By the name of the folder that holds the cases, unless `FOLDERS` has another. */
const SUITES: Readonly<Record<string, () => Promise<{ readonly run: Suite }>>> = {
  rlp: () => import('./rlp.ts'),
  transactions: () => import('./transactions.ts'),
  wycheproof: () => import('./wycheproof.ts'),
  keystore: () => import('./keystore.ts'),
  trie: () => import('./trie.ts'),
  asert: () => import('./asert.ts'),
  'chain-london': () => import('./chain-london.ts'),
  'rpc-london': () => import('./rpc-london.ts'),
  'rpc-light': () => import('./rpc-light.ts'),
}

/** Suites that go through the cases of another. */
const FOLDERS: Readonly<Record<string, string>> = { 'rpc-light': 'rpc-london' }

const USAGE = `usage: npm run conformance -- --vectors DIR [--suite NAME]
  DIR holds one folder per suite; suites: ${Object.keys(SUITES).join(', ')}`

class UsageError extends Error {}

function readArguments(): { vectors: string; names: readonly string[] } {
  let values: { vectors?: string | undefined; suite?: string | undefined }
  try {
    values = parseArgs({ options: { vectors: { type: 'string' }, suite: { type: 'string' } } }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
  const { vectors, suite } = values
  if (vectors === undefined) throw new UsageError('--vectors is missing')
  if (!statSync(vectors, { throwIfNoEntry: false })?.isDirectory()) throw new UsageError(`no directory ${vectors}`)
  if (suite === undefined) return { vectors, names: Object.keys(SUITES) }
  if (!Object.hasOwn(SUITES, suite)) throw new UsageError(`no suite ${suite}`)
  return { vectors, names: [suite] }
}

async function runSuite(name: string, dir: string): Promise<Tally> {
  const tally = new Tally()
  if (!existsSync(dir)) {
    tally.skip(`no folder ${dir}`)
    return tally
  }
  try {
    const { run } = await SUITES[name]!()
    await run(dir, tally)
    if (tally.passed + tally.failures.length + tally.skipped === 0) tally.skip(`no cases in ${dir}`)
  } catch (error) {
    tally.fail('the suite itself', error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
  return tally
}

async function main(): Promise<number> {
  const { vectors, names } = readArguments()
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const name of names) {
    const tally = await runSuite(name, join(vectors, FOLDERS[name] ?? name))
    for (const failure of tally.failures) console.log(`  FAILED ${name} ${failure.name}: ${failure.reason}`)
    for (const [reason, count] of tally.skips) console.log(`  skipped ${name} (${count}): ${reason}`)
    console.log(`${name}: ${tally}`)
    total.passed += tally.passed
    total.failed += tally.failures.length
    total.skipped += tally.skipped
  }
  for (const folder of readdirSync(vectors, { withFileTypes: true })) {
    if (folder.isDirectory() && !Object.hasOwn(SUITES, folder.name)) console.log(`${folder.name}: no such suite`)
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  return total.failed === 0 ? 0 : 1
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  console.error(`${error.message}\n${USAGE}`)
  process.exitCode = 2
}
