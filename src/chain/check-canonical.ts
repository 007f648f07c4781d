import { equalBytes } from '../primitives/bytes.ts'
import { StoreError } from '../primitives/errors.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys, type Table, tableOf } from '../store/schema.ts'
import type { CheckContext } from './check-context.ts'
import { appendLeaf, historyLeaf, NO_PEAKS } from './history.ts'
import type { Head } from './types.ts'

/**
 * The canonical chain from genesis to head, and all that follows from it: history range, transaction and address index.
 * @returns its length. @throws StoreError where it cannot be followed.
 */
export async function checkCanonical(context: CheckContext): Promise<number> {
  const { database, store, pacer, report, onProgress, count } = context
  const derived = new Comparison(database)
  const indexed = loadIndex(context)
  let peaks = NO_PEAKS
  let last: Head | undefined
  let number = 0
  for (let hash = store.canonicalHash(0); hash !== undefined; hash = store.canonicalHash(++number)) {
    const executed = store.executed(hash)
    if (executed === undefined) throw damaged(`block ${number} is missing or has not been executed`)
    const { header } = executed.block
    if (header.number !== number || (last !== undefined && !equalBytes(header.parentHash, last.hash))) {
      throw damaged(`block ${number} does not follow from the one before it`)
    }
    const grown = appendLeaf(peaks, historyLeaf(hash, header))
    peaks = grown.peaks
    store.putCanonical(derived, executed.block, grown.newNodes)
    const places = store.putPlaces(derived, executed)
    if (indexed && !store.placeIndex.holds(number, places)) report('indexes', `run: block ${number} is missing`)
    await pacer.pause()
    for (const table of derived.takeDifferences()) report('indexes', `${table}: block ${number} is missing or wrong`)
    last = { hash, header, totalDifficulty: 0n }
    onProgress('canonical chain', number, count('canonical'))
  }
  for (const name of ['version', 'genesisDigest'] as const) {
    if (database.get(keys.meta(name)) === undefined) report('canonical chain', `the record ${name} is missing`)
  }
  const head = database.get(keys.meta('head'))
  const genesis = database.get(keys.meta('genesis'))
  if (last === undefined || genesis === undefined) throw damaged('there is no genesis block')
  if (head === undefined || !equalBytes(head, last.hash)) {
    report('canonical chain', `it goes to block ${number - 1}, and that is not the head`)
  }
  if (!equalBytes(genesis, store.canonicalHash(0)!)) report('canonical chain', 'it begins with another genesis')
  // What a reorg leaves in the others is overwritten, or recognised, when the block itself is read.
  if (count('canonical') > number) report('indexes', 'canonical: there are entries of no canonical block')
  return number
}

/** False: it is damaged, and nothing more can be said of it. */
function loadIndex({ store, report }: CheckContext): boolean {
  try {
    store.placeIndex.load()
    return true
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    report('indexes', error.message)
    return false
  }
}

/** Takes what would be written, and compares it with what is there. */
class Comparison {
  readonly #database: Database
  #different = new Set<Table>()

  constructor(database: Database) {
    this.#database = database
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const table = tableOf(key)!
    const found = this.#database.get(key)
    if (found === undefined || !equalBytes(found, value)) this.#different.add(table)
  }

  /** Tables in which something differed since the last call. */
  takeDifferences(): ReadonlySet<Table> {
    const different = this.#different
    this.#different = new Set()
    return different
  }
}
