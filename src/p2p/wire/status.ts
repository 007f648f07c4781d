import { encodeRlp } from '../../primitives/rlp.ts'
import { MAX_AGENT_BYTES } from './limits.ts'
import { decodeMessage, encodeText, readText } from './message.ts'

/** What both sides tell each other first, and again when they want to know how the other stands. */
export interface Status {
  readonly version: number
  /** 32 bytes. */
  readonly genesisHash: Uint8Array
  /** 32 bytes; the head's. */
  readonly headHash: Uint8Array
  readonly number: number
  readonly totalDifficulty: bigint
  /** Number of the first block from which on bodies and receipts are held, up to the head. */
  readonly oldestBody: number
  readonly serves: Services
  /** Program and version, printable ASCII. */
  readonly agent: string
}

/** Requests that a node answers, besides status and peers. */
export interface Services {
  readonly headers: boolean
  /** Bodies, receipts and transactions of blocks. */
  readonly bodies: boolean
  /** Pooled transactions. */
  readonly txs: boolean
  /** Account proofs at recent blocks. */
  readonly proof: boolean
  /** Proofs of the chain's history, for light nodes. */
  readonly history: boolean
}

export const WIRE_VERSION = 1

/** Bytes: a greater status is none. */
export const MAX_STATUS_BYTES = 256

/** Bits of `serves`, from the lowest. */
const SERVICES = ['headers', 'bodies', 'txs', 'proof', 'history'] as const satisfies readonly (keyof Services)[]

export function encodeStatus(status: Status): Uint8Array {
  let serves = 0
  for (const [bit, service] of SERVICES.entries()) if (status.serves[service]) serves |= 1 << bit
  return encodeRlp([
    status.version,
    status.genesisHash,
    status.headHash,
    status.number,
    status.totalDifficulty,
    status.oldestBody,
    serves,
    encodeText(status.agent, MAX_AGENT_BYTES),
  ])
}

/** Bits of services that this version does not know are passed over. @throws DecodeError */
export function decodeStatus(bytes: Uint8Array): Status {
  return decodeMessage(bytes, MAX_STATUS_BYTES, (fields) => ({
    version: fields.number('version'),
    genesisHash: fields.fixed(32, 'genesisHash').slice(),
    headHash: fields.fixed(32, 'headHash').slice(),
    number: fields.number('number'),
    totalDifficulty: fields.bigint(32, 'totalDifficulty'),
    oldestBody: fields.number('oldestBody'),
    serves: servicesOf(fields.bigint(4, 'serves')),
    agent: readText(fields, MAX_AGENT_BYTES, 'agent'),
  }))
}

function servicesOf(bits: bigint): Services {
  const has = (service: keyof Services) => ((bits >> BigInt(SERVICES.indexOf(service))) & 1n) === 1n
  return {
    headers: has('headers'),
    bodies: has('bodies'),
    txs: has('txs'),
    proof: has('proof'),
    history: has('history'),
  }
}
