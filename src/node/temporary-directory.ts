import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { wasAbandoned } from './data-directory.ts'

const PREFIX = 'idobata-dev-'

/**
 * Makes a data directory for one run, and removes those that killed processes of this user have left behind.
 * @throws the operating system's error if it cannot be made.
 */
export async function makeTemporaryDirectory(): Promise<string> {
  await removeAbandoned(tmpdir())
  return mkdtemp(join(tmpdir(), PREFIX))
}

/** What cannot be removed stays: it is in nobody's way. */
async function removeAbandoned(parent: string): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((name) => name.startsWith(PREFIX))) {
    const path = join(parent, name)
    try {
      // Others may write here too: what is theirs, or only leads elsewhere, is not ours to open.
      const found = await lstat(path)
      if (!found.isDirectory() || found.uid !== process.getuid?.()) continue
      if (await wasAbandoned(path)) await rm(path, { recursive: true, force: true })
    } catch {}
  }
}
