import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Level } from 'level'

type RawLevel = Level<Uint8Array, Uint8Array>

/** Under Node `level` is classic-level, which can do more than the types of `level` tell. */
interface Salvaging {
  repair(location: string): Promise<void>
}

const FORMAT = { keyEncoding: 'view', valueEncoding: 'view', compression: false } as const
const ENTRIES_AT_ONCE = 1_000

/**
 * Has LevelDB gather what it can still read of a directory. A table entry whose key is none (the bytes that LevelDB adds to a key
 * are damaged) stays through that and through every compaction, and each reading across it fails: then all others
 * are copied into a new database, which takes the old one's place. Cost: every entry read, in the worst case twice and
 * written. @throws LevelDB's error.
 */
export async function salvageTables(directory: string): Promise<void> {
  await (Level as typeof Level & Salvaging).repair(directory)
  const { salvaged, damaged } = besides(directory)
  await rm(salvaged, { recursive: true, force: true })
  await rm(damaged, { recursive: true, force: true })
  const from: RawLevel = new Level(directory, FORMAT)
  await from.open()
  let whole: boolean
  try {
    whole = await readsThrough(from)
    if (!whole) await copy(from, new Level(salvaged, FORMAT))
  } finally {
    await from.close()
  }
  if (whole) return
  await rename(directory, damaged)
  await rename(salvaged, directory)
  await rm(damaged, { recursive: true })
}

/** Where a salvage was killed with the old database moved away, the new one takes its place: only a whole copy gets that far. */
export async function finishSalvage(directory: string): Promise<void> {
  const { salvaged, damaged } = besides(directory)
  if (!existsSync(directory) && existsSync(damaged) && existsSync(salvaged)) await rename(salvaged, directory)
}

function besides(directory: string): { readonly salvaged: string; readonly damaged: string } {
  return { salvaged: `${directory}.salvaged`, damaged: `${directory}.damaged` }
}

async function readsThrough(level: RawLevel): Promise<boolean> {
  const iterator = level.iterator({ values: false })
  try {
    while ((await iterator.nextv(ENTRIES_AT_ONCE)).length > 0);
    return true
  } catch (error) {
    requireCorruption(error)
    return false
  } finally {
    await iterator.close()
  }
}

async function copy(from: RawLevel, to: RawLevel): Promise<void> {
  try {
    let last: [Uint8Array, Uint8Array] | undefined
    for await (const entries of readable(from)) {
      await to.batch(entries.map(([key, value]) => ({ type: 'put', key, value })))
      last = entries.at(-1)
    }
    // With all before it: the old database is deleted next.
    if (last !== undefined) await to.put(...last, { sync: true } as object)
  } finally {
    await to.close()
  }
}

/**
 * LevelDB passes over a broken key and says so once it has come to the end, with the last entries kept back: they are asked for one
 * by one.
 */
async function* readable(level: RawLevel): AsyncGenerator<[Uint8Array, Uint8Array][]> {
  let last: Uint8Array | undefined
  for (const size of [ENTRIES_AT_ONCE, 1]) {
    const iterator = level.iterator(last === undefined ? {} : { gt: last })
    try {
      for (let entries = await iterator.nextv(size); entries.length > 0; entries = await iterator.nextv(size)) {
        yield entries
        last = entries.at(-1)![0]
      }
    } catch (error) {
      requireCorruption(error)
    } finally {
      await iterator.close()
    }
  }
}

/** Of a disk that fails to read, for instance, nothing may be deleted. @throws `error` if it is another. */
function requireCorruption(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'LEVEL_CORRUPTION') throw error
}
