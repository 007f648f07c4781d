import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { StoreError } from '../primitives/errors.ts'
import { Database, damaged, isLocked, writeFailure } from '../store/database.ts'
import { databaseDirectory, pidFile } from './data-files.ts'
import { inspect } from './inspection.ts'

/** Milliseconds between attempts, and how many, on a directory whose holder has been killed. */
const RETRY_MS = 50
const MAX_RETRIES = 100

/**
 * Opens the database of a data directory, which is made if it is not there, and leaves the process's id beside it: so that a
 * second process can name the first, and the next start knows whether this one came to its end. After one that did not,
 * another process looks into the database first.
 * @throws StoreError if another process holds it, it is damaged, or the directory cannot be used.
 */
export async function openDatabase(datadir: string): Promise<Database> {
  try {
    await mkdir(datadir, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StoreError(`${datadir} cannot be made (${code})`, 'give another --datadir', error)
  }
  return whenFree(datadir, async (holder) => {
    // Refused at once, if it is so, rather than after a look into the database.
    if (isRunning(holder)) await (await Database.open(databaseDirectory(datadir))).close()
    if (holder !== undefined) await checkAfterKill(datadir)
    const database = await Database.open(databaseDirectory(datadir))
    try {
      await writeFile(pidFile(datadir), `${process.pid}\n`)
      return database
    } catch (error) {
      await database.close()
      throw writeFailure(error)
    }
  })
}

/** Closes what `openDatabase` opened. After a failed write the next start shall look closely. */
export async function closeDatabase(datadir: string, database: Database): Promise<void> {
  const { failed } = database
  await database.close()
  if (!failed) await rm(pidFile(datadir), { force: true })
}

/**
 * Whether the last process that had this data directory was killed, and nobody has it now. The lock is asked as well as the
 * process's id: that of a process in another container says nothing here.
 */
export async function wasAbandoned(datadir: string): Promise<boolean> {
  const holder = await readPid(datadir)
  if (holder === undefined || isRunning(holder)) return false
  try {
    await (await Database.open(databaseDirectory(datadir))).close()
    return true
  } catch {
    return false
  }
}

async function checkAfterKill(datadir: string): Promise<void> {
  const { damage } = await inspect({ task: 'recent', datadir })
  if (damage !== undefined) throw damaged(damage)
}

/**
 * Does `work`, telling it who has the directory or had it last, if that did not close it.
 * A process that was killed may have left one behind that was looking into the database, and ends any moment.
 * @throws StoreError that names the holder if another process has the directory.
 */
export async function whenFree<T>(datadir: string, work: (holder: number | undefined) => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    const holder = await readPid(datadir)
    try {
      return await work(holder)
    } catch (error) {
      if (!isLocked(error)) throw error
      if (holder === undefined || isRunning(holder) || retries === MAX_RETRIES) throw inUse(datadir, holder, error)
    }
    await setTimeout(RETRY_MS)
  }
}

function inUse(datadir: string, holder: number | undefined, cause: unknown): StoreError {
  const who = isRunning(holder) ? `another process (pid ${holder})` : 'another process'
  return new StoreError(`${datadir} is in use by ${who}`, 'stop it, or give another --datadir', cause)
}

async function readPid(datadir: string): Promise<number | undefined> {
  let text: string
  try {
    text = (await readFile(pidFile(datadir), 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  // What was cut short by a kill or a full disk marks an unclean end all the same.
  return /^\d+$/.test(text) ? Number(text) : 0
}

function isRunning(pid: number | undefined): pid is number {
  // In a container the same id comes back with every start.
  if (pid === undefined || pid === 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
