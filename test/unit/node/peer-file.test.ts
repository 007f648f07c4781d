import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createPeerStore, loadPeers, peerFile } from '../../../src/node/peer-file.ts'
import { encodeSavedPeers } from '../../../src/p2p/peers/saved-peers.ts'
import { temporaryDirectory } from '../../support/test-chain.ts'

let datadir: string
beforeEach(() => {
  datadir = temporaryDirectory()
})
afterEach(() => rmSync(datadir, { recursive: true }))

const saved = { secret: new Uint8Array(32).fill(1), book: { tried: [], heardOf: [] }, anchors: [], bans: [] }

describe('the file of peers', () => {
  it('is read as it was written, and leaves nothing else', async () => {
    const store = createPeerStore(datadir)
    await store.save('an older one')
    await store.save(encodeSavedPeers(saved))
    expect(await loadPeers(datadir)).toEqual(saved)
    expect(readdirSync(datadir)).toEqual(['peers.json'])
  })

  it('need not be there', async () => {
    expect(await loadPeers(datadir)).toBeUndefined()
  })

  it('is put aside when it is damaged', async () => {
    writeFileSync(peerFile(datadir), '{"version":1,"sec')
    expect(await loadPeers(datadir)).toBeUndefined()
    expect(existsSync(`${peerFile(datadir)}.damaged`)).toBe(true)
    expect(existsSync(peerFile(datadir))).toBe(false)
  })
})
