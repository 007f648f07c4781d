import { EMPTY_BYTES, equalBytes } from '../../primitives/bytes.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { decodeHeader, EMPTY_OMMERS_HASH, type Header, headerFields } from '../../primitives/header.ts'
import { EMPTY_BLOOM } from '../../primitives/receipt.ts'
import { encodeRlp, encodeRlpList, type RlpInput, type RlpReader } from '../../primitives/rlp.ts'
import { readItems } from './message.ts'

/** Places among the 16 header fields of one that is always the same, and of one that mostly is. */
const OMMERS_HASH = 1
const LOGS_BLOOM = 6
const ENCODED_OMMERS_HASH = encodeRlp(EMPTY_OMMERS_HASH)
const ENCODED_EMPTY_BLOOM = encodeRlp(EMPTY_BLOOM)
const ENCODED_NOTHING = encodeRlp(EMPTY_BYTES)

/** A header where many travel: 240 bytes instead of 530, what everybody knows of one being left out. */
export function shortFields(header: Header): RlpInput[] {
  const bloom = equalBytes(header.logsBloom, EMPTY_BLOOM) ? EMPTY_BYTES : header.logsBloom
  return headerFields(header).toSpliced(LOGS_BLOOM, 1, bloom).toSpliced(OMMERS_HASH, 1)
}

/** @throws DecodeError */
export function readShortHeader(list: RlpReader): Header {
  const items = readItems(list.list(), 15, (fields) => fields.raw())
  items.splice(OMMERS_HASH, 0, ENCODED_OMMERS_HASH)
  const bloom = items[LOGS_BLOOM]
  if (bloom && equalBytes(bloom, ENCODED_EMPTY_BLOOM)) throw new DecodeError('an empty bloom in full')
  if (bloom && equalBytes(bloom, ENCODED_NOTHING)) items[LOGS_BLOOM] = ENCODED_EMPTY_BLOOM
  return decodeHeader(encodeRlpList(items))
}
