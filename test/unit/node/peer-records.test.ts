import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Peer, PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { openRecords, signedRecords } from '../../../src/node/peer-records.ts'
import { MAX_PEER_RECORD_BYTES } from '../../../src/p2p/wire/limits.ts'

const ADDRESS = '/ip4/20.1.2.3/tcp/30303'

async function sealed(of: PrivateKey, by: PrivateKey = of): Promise<Uint8Array> {
  const record = new PeerRecord({
    peerId: peerIdFromPrivateKey(of),
    multiaddrs: [multiaddr(ADDRESS)],
    seqNumber: BigInt(SEQUENCE),
  })
  return (await RecordEnvelope.seal(record, by)).marshal()
}

const SEQUENCE = 1_700_000_000_000
const named = (key: PrivateKey) => ({
  peer: peerIdFromPrivateKey(key).toString(),
  addresses: [ADDRESS],
  sequence: SEQUENCE,
})

describe('records that a peer tells of', () => {
  it('are taken one by one: RSA peers as well, forged and broken ones not', async () => {
    const [ed25519, other, rsa] = await Promise.all([
      generateKeyPair('Ed25519'),
      generateKeyPair('Ed25519'),
      generateKeyPair('RSA', 2048),
    ])
    const envelopes = [
      Uint8Array.of(1, 2, 3),
      await sealed(rsa),
      await sealed(other, rsa),
      await sealed(rsa, other),
      await sealed(ed25519),
    ]
    expect(await openRecords(envelopes)).toEqual([named(rsa), named(ed25519)])
  })
})

describe('records that a peer is told of', () => {
  it('leave out who has gone and whose record is too long', async () => {
    const keys = await Promise.all(Array.from({ length: 5 }, () => generateKeyPair('Ed25519')))
    const ids = keys.map((key) => peerIdFromPrivateKey(key))
    const envelopes = [
      undefined,
      new Uint8Array(MAX_PEER_RECORD_BYTES + 1),
      Uint8Array.of(2),
      Uint8Array.of(3),
      Uint8Array.of(4),
    ]
    const peerStore = {
      async get(id: Peer['id']): Promise<Peer> {
        const at = ids.findIndex((other) => other.equals(id))
        if (at === 0) throw new Error('not found')
        const peerRecordEnvelope = envelopes[at]!
        return { id, addresses: [], protocols: [], metadata: new Map(), tags: new Map(), peerRecordEnvelope }
      },
    }
    const records = await signedRecords(peerStore, ids.map(String), 2)
    expect(records).toEqual([Uint8Array.of(2), Uint8Array.of(3)])
  })
})
