import { setImmediate } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { AddressBook } from '../../../../src/p2p/peers/address-book.ts'
import { BanList } from '../../../../src/p2p/peers/ban-list.ts'
import { Connector } from '../../../../src/p2p/peers/connector.ts'
import { BLOCK_ONLY_OUTBOUND, FULL_OUTBOUND, SAVE_INTERVAL_MS } from '../../../../src/p2p/peers/limits.ts'
import { PeerManager } from '../../../../src/p2p/peers/peer-manager.ts'
import { decodeSavedPeers } from '../../../../src/p2p/peers/saved-peers.ts'
import { ManualClock } from '../../../support/manual-clock.ts'
import { seededRandom } from '../../../support/seeded-random.ts'

const secret = new Uint8Array(32).fill(1)
const random = seededRandom(1)
const told = ['dead', ...Array.from({ length: 20 }, (_, i) => `told-${i}`)].map((peer, i) => ({
  peer,
  addresses: [`/ip4/${30 + i}.1.1.1/tcp/1`],
}))
let clock: ManualClock
let book: AddressBook
let manager: PeerManager
let connector: Connector
let disconnected: string[]
let saves: string[]
let errors: string[]
let failSave: boolean

beforeEach(() => {
  clock = new ManualClock(1_700_000_000_000)
  book = new AddressBook(secret, random)
  const bans = new BanList()
  const bootnodes = [{ peer: 'boot', addresses: ['/ip4/20.1.1.1/tcp/1'] }]
  manager = new PeerManager({ self: 'self', bootnodes, trusted: [], anchors: [] }, { book, bans, random, secret })
  disconnected = []
  saves = []
  errors = []
  failSave = false
  connector = new Connector({
    manager,
    book,
    bans,
    secret,
    clock,
    dialer: {
      async dial(peer, addresses) {
        if (peer === 'dead') throw new Error('no route')
        connector.connected(peer, true, addresses[0]!.split('/')[2])
      },
      disconnect: (peer, reason) => {
        disconnected.push(`${peer}: ${reason}`)
        connector.disconnected(peer)
      },
      askAddresses: async () => told,
    },
    store: {
      async save(text) {
        if (failSave) throw new Error('disk full')
        saves.push(text)
      },
    },
    onError: (error) => errors.push(error.message),
  })
})

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds; i++) {
    clock.advance(1000)
    await setImmediate()
  }
}

describe('the connector', () => {
  it('connects, asks for addresses, and connects to those', async () => {
    connector.start()
    await pass(60)
    const links = [...manager.links].map(({ peer }) => peer)
    expect(links).toHaveLength(FULL_OUTBOUND + BLOCK_ONLY_OUTBOUND)
    expect(links).toContain('boot')
    expect(links).not.toContain('dead')
    await connector.stop()
    expect(clock.pending).toBe(0)
  })

  it('keeps what is known, at intervals and at its end', async () => {
    connector.start()
    await pass(SAVE_INTERVAL_MS / 1000 + 1)
    expect(saves).toHaveLength(1)
    await connector.stop()
    expect(saves).toHaveLength(2)
    const { book: saved, anchors } = decodeSavedPeers(saves[1]!)!
    expect(saved.tried.map(({ peer }) => peer)).toContain('boot')
    expect(anchors).toHaveLength(BLOCK_ONLY_OUTBOUND)
  })

  it('disconnects and remembers at once whom it bans', async () => {
    connector.start()
    await pass(1)
    connector.penalize('boot', 'ban', 'bad-seal')
    await setImmediate()
    expect(disconnected).toEqual(['boot: bad-seal'])
    expect(decodeSavedPeers(saves.at(-1)!)!.bans.map(({ target }) => target)).toEqual(['boot', '20.1.1.1'])
    await connector.stop()
  })

  it('goes on when the disk fails', async () => {
    failSave = true
    connector.start()
    await pass(1)
    await connector.save()
    expect(errors).toEqual(['disk full'])
    failSave = false
    await connector.stop()
    expect(saves).toHaveLength(1)
  })
})
