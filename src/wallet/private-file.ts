import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/**
 * Writes a secret to a new file, readable by its owner alone, its directory made if it is not there. It appears whole and on the
 * medium, or not at all: half a key would be found by every start that follows.
 * @throws the operating system's error, `code` EEXIST if there is one already.
 */
export async function writePrivateFile(file: string, text: string): Promise<void> {
  const directory = dirname(file)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const partial = join(directory, `.${randomUUID()}.partial`)
  try {
    const handle = await open(partial, 'wx', 0o600)
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await name(partial, file)
  } finally {
    await rm(partial, { force: true })
  }
  await syncDirectory(directory)
}

async function name(partial: string, file: string): Promise<void> {
  try {
    // Unlike `rename` it replaces nothing that somebody else has made meanwhile.
    await link(partial, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw error
    // Not every file system has hard links.
    await rename(partial, file)
  }
}

/** A name is on the medium once its directory is. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Windows has no such thing; the key is written.
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error
  } finally {
    await handle.close()
  }
}
