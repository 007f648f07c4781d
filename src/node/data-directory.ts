import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StoreError } from '../primitives/errors.ts'
import { Database } from '../store/database.ts'

/**
 * Opens the database of a data directory, which is made if it is not there, and leaves the process's id beside it so
 * that a second process can name the first.
 * @throws StoreError if another process holds it, it is damaged, or the directory cannot be used.
 */
export async function openDatabase(datadir: string): Promise<Database> {
  const pidFile = join(datadir, 'pid')
  try {
    await mkdir(datadir, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StoreError(`${datadir} cannot be made (${code})`, 'give another --datadir', error)
  }
  try {
    const database = await Database.open(join(datadir, 'db'))
    await writeFile(pidFile, `${process.pid}\n`)
    return database
  } catch (error) {
    if (!isLocked(error)) throw error
    const pid = (await readFile(pidFile, 'utf8').catch(() => '')).trim()
    const holder = /^\d+$/.test(pid) ? `another process (pid ${pid})` : 'another process'
    throw new StoreError(`${datadir} is in use by ${holder}`, 'stop it, or give another --datadir', error)
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof StoreError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'LEVEL_LOCKED'
}
