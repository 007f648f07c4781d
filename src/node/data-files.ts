import { join } from 'node:path'

/** Where LevelDB keeps its files. */
export function databaseDirectory(datadir: string): string {
  return join(datadir, 'db')
}

/** Holds the id of the process that has the directory open. Still there after that has ended, it was not closed. */
export function pidFile(datadir: string): string {
  return join(datadir, 'pid')
}

/** In the database's directory, so that it goes when that is deleted; LevelDB leaves names alone that it does not know. */
export function lastHeadFile(datadir: string): string {
  return join(databaseDirectory(datadir), 'LAST-HEAD')
}
