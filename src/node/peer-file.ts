import { open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type { PeerStore } from '../p2p/peers/connector.ts'
import { decodeSavedPeers, type SavedPeers } from '../p2p/peers/saved-peers.ts'

/** What a node knows of others: addresses, anchors, bans. Lost, it is found again; so damage is no reason to stop. */
export function peerFile(datadir: string): string {
  return join(datadir, 'peers.json')
}

/** @returns undefined if there is none, or none that can be read; such a one is kept beside it as `peers.json.damaged`. */
export async function loadPeers(datadir: string): Promise<SavedPeers | undefined> {
  const file = peerFile(datadir)
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const saved = decodeSavedPeers(text)
  if (saved === undefined) await rename(file, `${file}.damaged`)
  return saved
}

/** A kill or a loss of power leaves the old file or the new one. */
export function createPeerStore(datadir: string): PeerStore {
  const file = peerFile(datadir)
  return {
    async save(text) {
      const temporary = `${file}.new`
      const handle = await open(temporary, 'w', 0o600)
      try {
        await handle.writeFile(text)
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(temporary, file)
    },
  }
}
