import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp } from '../../primitives/rlp.ts'
import { MAX_PEER_RECORD_BYTES, MAX_PEER_RECORDS } from './limits.ts'
import { decodeMessage, readItems } from './message.ts'

/** Bytes of the longest request. */
export const MAX_PEERS_REQUEST_BYTES = 2

/** Asks for addresses of other peers, at most `count`: 1 to MAX_PEER_RECORDS. */
export function encodePeersRequest(count: number): Uint8Array {
  return encodeRlp([count])
}

/** @throws DecodeError */
export function decodePeersRequest(bytes: Uint8Array): number {
  return decodeMessage(bytes, MAX_PEERS_REQUEST_BYTES, (fields) => {
    const count = fields.number('count')
    if (count < 1 || count > MAX_PEER_RECORDS) {
      throw new DecodeError(`count ${count} is not between 1 and ${MAX_PEER_RECORDS}`)
    }
    return count
  })
}

/** @param envelopes  libp2p's signed peer records, each in its envelope: whoever passes one on cannot change it. */
export function encodePeers(envelopes: readonly Uint8Array[]): Uint8Array {
  return encodeRlp(envelopes)
}

/** The envelopes, still closed: their signatures are for the receiver to check. @throws DecodeError */
export function decodePeers(bytes: Uint8Array): Uint8Array[] {
  return decodeMessage(bytes, MAX_PEER_RECORDS * (MAX_PEER_RECORD_BYTES + 4), (fields) =>
    readItems(fields, MAX_PEER_RECORDS, (list) => {
      const envelope = list.bytes()
      if (envelope.length > MAX_PEER_RECORD_BYTES) throw new DecodeError(`peer record of ${envelope.length} bytes`)
      return envelope.slice()
    }),
  )
}
