import type { PeerStore } from '@libp2p/interface'
import { peerIdFromPublicKey, peerIdFromString } from '@libp2p/peer-id'
import { PeerRecord, RecordEnvelope } from '@libp2p/peer-record'
import type { PeerAddresses } from '../p2p/peers/known-peer.ts'
import { MAX_PEER_RECORD_BYTES } from '../p2p/wire/limits.ts'

/**
 * Signed records of these peers, as they gave them to us, at most `count`. One that is not there, or too long to be passed
 * on, is left out: no peer can spoil the answer for others.
 */
export async function signedRecords(
  peerStore: Pick<PeerStore, 'get'>,
  peers: Iterable<string>,
  count: number,
): Promise<Uint8Array[]> {
  const records: Uint8Array[] = []
  for (const peer of peers) {
    if (records.length === count) break
    // It may have gone meanwhile.
    const known = await peerStore.get(peerIdFromString(peer)).catch(() => undefined)
    const envelope = known?.peerRecordEnvelope
    if (envelope !== undefined && envelope.length <= MAX_PEER_RECORD_BYTES) records.push(envelope)
  }
  return records
}

/** The addresses in those envelopes that are signed by the peer whose they are; the others are left out. */
export async function openRecords(envelopes: readonly Uint8Array[]): Promise<PeerAddresses[]> {
  const opened = await Promise.all(envelopes.map((envelope) => openRecord(envelope).catch(() => undefined)))
  return opened.filter((record) => record !== undefined)
}

async function openRecord(envelope: Uint8Array): Promise<PeerAddresses> {
  const { payload, publicKey } = await RecordEnvelope.openAndCertify(envelope, PeerRecord.DOMAIN)
  const { peerId, multiaddrs, seqNumber } = PeerRecord.createFromProtobuf(payload)
  // Not `peerId.publicKey`: the id of an RSA peer does not hold its key.
  if (!peerId.equals(peerIdFromPublicKey(publicKey))) throw new Error('a record that somebody else has signed')
  return { peer: peerId.toString(), addresses: multiaddrs.map(String), sequence: sequenceOf(seqNumber) }
}

/** A peer's own number for a record, as far as numbers reach: who goes beyond cannot say anything later. */
export function sequenceOf(seqNumber: bigint): number {
  return Number(seqNumber < Number.MAX_SAFE_INTEGER ? seqNumber : Number.MAX_SAFE_INTEGER)
}
