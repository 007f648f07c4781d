import { fromHex } from './bytes.ts'
import { encodeRlp, type RlpInput, RlpReader } from './rlp.ts'

/** keccak256(rlp([])): what `ommersHash` must be, since this ledger has no uncles. */
export const EMPTY_OMMERS_HASH: Uint8Array = fromHex('1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347')

/** The 16 header fields of the London fork. Byte fields have fixed lengths except `extraData`. Never mutated. */
export interface Header {
  readonly parentHash: Uint8Array
  readonly ommersHash: Uint8Array
  /** 20 bytes; receives tips and reward. */
  readonly miner: Uint8Array
  readonly stateRoot: Uint8Array
  readonly transactionsRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
  /** 256 bytes. */
  readonly logsBloom: Uint8Array
  readonly difficulty: bigint
  readonly number: number
  readonly gasLimit: bigint
  readonly gasUsed: bigint
  /** Unix seconds. */
  readonly timestamp: number
  readonly extraData: Uint8Array
  readonly mixHash: Uint8Array
  /** 8 bytes. */
  readonly nonce: Uint8Array
  /** Wei. */
  readonly baseFeePerGas: bigint
}

/** A header with its hash, computed once. */
export interface HashedHeader {
  readonly hash: Uint8Array
  readonly header: Header
}

export function headerFields(header: Header): RlpInput[] {
  return [
    header.parentHash,
    header.ommersHash,
    header.miner,
    header.stateRoot,
    header.transactionsRoot,
    header.receiptsRoot,
    header.logsBloom,
    header.difficulty,
    header.number,
    header.gasLimit,
    header.gasUsed,
    header.timestamp,
    header.extraData,
    header.mixHash,
    header.nonce,
    header.baseFeePerGas,
  ]
}

export function encodeHeader(header: Header): Uint8Array {
  return encodeRlp(headerFields(header))
}

/** @throws DecodeError, also for a number or timestamp above 2^53 - 1, which no clock or chain reaches. */
export function decodeHeader(encoded: Uint8Array): Header {
  const reader = new RlpReader(encoded)
  const header = readHeader(reader)
  reader.end()
  return header
}

/** Reads one header; byte fields are copied, so that a header does not keep its block's bytes alive. */
export function readHeader(reader: RlpReader): Header {
  const fields = reader.list()
  const header = {
    parentHash: fields.fixed(32, 'parentHash').slice(),
    ommersHash: fields.fixed(32, 'ommersHash').slice(),
    miner: fields.fixed(20, 'miner').slice(),
    stateRoot: fields.fixed(32, 'stateRoot').slice(),
    transactionsRoot: fields.fixed(32, 'transactionsRoot').slice(),
    receiptsRoot: fields.fixed(32, 'receiptsRoot').slice(),
    logsBloom: fields.fixed(256, 'logsBloom').slice(),
    difficulty: fields.bigint(32, 'difficulty'),
    number: fields.number('number'),
    gasLimit: fields.bigint(8, 'gasLimit'),
    gasUsed: fields.bigint(8, 'gasUsed'),
    timestamp: fields.number('timestamp'),
    extraData: fields.bytes().slice(),
    mixHash: fields.fixed(32, 'mixHash').slice(),
    nonce: fields.fixed(8, 'nonce').slice(),
    baseFeePerGas: fields.bigint(32, 'baseFeePerGas'),
  }
  fields.end()
  return header
}
