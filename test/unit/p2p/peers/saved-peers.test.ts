import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSavedPeers, encodeSavedPeers, type SavedPeers } from '../../../../src/p2p/peers/saved-peers.ts'

const known = {
  peer: 'a',
  addresses: ['/ip4/203.0.113.7/tcp/30303'],
  group: '203.0',
  sourceGroup: '9.9',
  sequence: 3,
  seenMs: 1_700_000_000_000,
  triedMs: 5,
  goodMs: 0,
  failures: 2,
}
const saved: SavedPeers = {
  secret: new Uint8Array(32).fill(7),
  book: { tried: [known], heardOf: [{ ...known, peer: 'b' }] },
  anchors: [{ peer: 'a', addresses: known.addresses }],
  bans: [{ target: '203.0.113.9', untilMs: 1_800_000_000_000, reason: 'bad-seal' }],
}

describe('what is saved of peers', () => {
  it('is read as it was written', () => {
    expect(decodeSavedPeers(encodeSavedPeers(saved))).toEqual(saved)
  })

  it('loses what is damaged, and nothing else', () => {
    const plain = JSON.parse(encodeSavedPeers(saved))
    plain.tried.push({ ...known, seenMs: 'yesterday' }, { ...known, addresses: 'none' }, null, 7)
    plain.anchors = 'gone'
    plain.bans.push({ target: 5 })
    expect(decodeSavedPeers(JSON.stringify(plain))).toEqual({ ...saved, anchors: [] })
  })

  it('does not believe a group that does not follow from the address', () => {
    const plain = JSON.parse(encodeSavedPeers(saved))
    plain.tried[0].group = '1.1'
    expect(decodeSavedPeers(JSON.stringify(plain))).toEqual(saved)
  })

  it.each(['', '{', '[]', 'null', '{"version":2}', '{"version":1}', '{"version":1,"secret":"0x12"}'])(
    'is nothing if it is %s',
    (text) => {
      expect(decodeSavedPeers(text)).toBeUndefined()
    },
  )

  it('never throws, whatever it has become', () => {
    const text = encodeSavedPeers(saved)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, other) => {
        decodeSavedPeers(text.slice(0, at) + other + text.slice(at + 1))
        decodeSavedPeers(text.slice(0, at))
      }),
      { seed: 1 },
    )
    fc.assert(
      fc.property(fc.json(), (json) => {
        decodeSavedPeers(json)
      }),
      { seed: 1 },
    )
  })
})
