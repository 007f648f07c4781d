import { StoreError } from '../primitives/errors.ts'
import { rangeOf } from '../store/schema.ts'
import type { CheckContext } from './check-context.ts'
import { inspectBlock } from './inspect.ts'
import type { Head } from './types.ts'

/** Every block, on all branches: by itself and against its parent. @returns how many. @throws StoreError. */
export async function checkBlocks(context: CheckContext): Promise<number> {
  const { database, store, pacer, report, onProgress, count } = context
  let [blocks, executions, journals] = [0, 0, 0]
  for await (const [key] of database.records(rangeOf('header'))) {
    const { head, executed, damage } = await inspectBlock(store, key.slice(1), pacer)
    if (damage !== undefined) report('blocks', `${head === undefined ? 'a block' : nameOf(head)}: ${damage}`)
    if (executed !== undefined || damage !== undefined) executions++
    if (head !== undefined) {
      checkLink(context, head)
      if (hasJournal(context, head)) journals++
    }
    onProgress('blocks', ++blocks, count('header'))
  }
  for (const [table, known] of [
    ['body', blocks],
    ['execution', executions],
    ['journal', journals],
  ] as const) {
    if (count(table) > known) report('blocks', `${count(table) - known} records of the table ${table} are of no block`)
  }
  return blocks
}

function checkLink({ store, engine, report }: CheckContext, head: Head): void {
  const { header, totalDifficulty } = head
  const weight = engine.weight(header)
  const parent = header.number === 0 ? undefined : attempt(() => store.header(header.parentHash))
  if (header.number > 0 && parent?.header.number !== header.number - 1) {
    report('blocks', `${nameOf(head)}: its parent is missing`)
  } else if (totalDifficulty !== (parent?.totalDifficulty ?? 0n) + weight) {
    report('blocks', `${nameOf(head)}: its total difficulty is wrong`)
  }
}

function hasJournal({ store, report }: CheckContext, head: Head): boolean {
  try {
    return store.journal(head.header.number, head.hash) !== undefined
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    report('blocks', `${nameOf(head)}: ${error.message}`)
    return true
  }
}

function nameOf({ header }: Head): string {
  return `block ${header.number}`
}

/** undefined where a record is damaged: whoever meets that record itself reports it. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof StoreError) return undefined
    throw error
  }
}
