import { concatBytes } from '../../primitives/bytes.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { encodeRlp, type RlpInput } from '../../primitives/rlp.ts'
import { MAX_SIGHTING_BYTES } from './limits.ts'
import { decodeMessage } from './message.ts'

/** A node's word on when it first saw a block. */
export interface Sighting {
  /** 32 bytes. */
  readonly blockHash: Uint8Array
  readonly number: number
  /** Milliseconds since the Unix epoch, by the signer's clock. */
  readonly seenAtMs: number
  /** The signer's public key in libp2p's protobuf form: Ed25519 or secp256k1. */
  readonly publicKey: Uint8Array
}

export interface SignedSighting extends Sighting {
  /** Of `sightingSigningBytes`, by that key. */
  readonly signature: Uint8Array
}

/** Of Ed25519 36 bytes, of secp256k1 37. */
const MAX_PUBLIC_KEY_BYTES = 40
/** Of Ed25519 64 bytes, of secp256k1 (DER) up to 72. */
const MAX_SIGNATURE_BYTES = 72

const DOMAIN = new TextEncoder().encode('idobata-sighting:')

function fieldsOf({ blockHash, number, seenAtMs, publicKey }: Sighting): RlpInput[] {
  return [blockHash, number, seenAtMs, publicKey]
}

/** What is signed: nothing else that this key signs begins so, and it counts on one network only. */
export function sightingSigningBytes(genesisHash: Uint8Array, sighting: Sighting): Uint8Array {
  return concatBytes(DOMAIN, genesisHash, encodeRlp(fieldsOf(sighting)))
}

export function encodeSighting(sighting: SignedSighting): Uint8Array {
  return encodeRlp([...fieldsOf(sighting), sighting.signature])
}

/** Whether the signature is right is for the receiver to check. @throws DecodeError */
export function decodeSighting(bytes: Uint8Array): SignedSighting {
  return decodeMessage(bytes, MAX_SIGHTING_BYTES, (fields) => {
    const bounded = (max: number, name: string) => {
      const value = fields.bytes()
      if (value.length === 0 || value.length > max) throw new DecodeError(`${name} of ${value.length} bytes`)
      return value.slice()
    }
    return {
      blockHash: fields.fixed(32, 'blockHash').slice(),
      number: fields.number('number'),
      seenAtMs: fields.number('seenAtMs'),
      publicKey: bounded(MAX_PUBLIC_KEY_BYTES, 'publicKey'),
      signature: bounded(MAX_SIGNATURE_BYTES, 'signature'),
    }
  })
}
