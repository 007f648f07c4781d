import type { Durable } from '../consensus/durable.ts'
import type { ConflictingFinal } from '../consensus/evidence.ts'
import { hashHeader } from '../crypto/hashes.ts'
import { DecodeError } from '../primitives/errors.ts'
import { type HashedHeader, headerFields, readHeader } from '../primitives/header.ts'
import { encodeRlp, encodeRlpNumbers, RlpReader } from '../primitives/rlp.ts'
import { type Database, damaged } from '../store/database.ts'
import { keys, type META } from '../store/schema.ts'

/** What a signer must not forget, in the node's database. */
export interface SealRecords {
  /** Number of the highest block that was sealed here. */
  readonly highestSealed: Durable<number>
  readonly conflictingFinal: Durable<ConflictingFinal>
}

export function sealRecords(database: Database): SealRecords {
  return {
    highestSealed: durable(database, 'sealed', {
      encode: (number) => encodeRlpNumbers([number]),
      decode: (list) => list.number('number'),
    }),
    conflictingFinal: durable(database, 'conflict', {
      encode: ({ ours, theirs }) =>
        encodeRlp([ours, theirs].map((side) => side.map(({ header }) => headerFields(header)))),
      decode: (list) => ({
        kind: 'conflicting-final',
        ours: readHeaders(list.list()),
        theirs: readHeaders(list.list()),
      }),
    }),
  }
}

interface Codec<Value> {
  encode(value: Value): Uint8Array
  decode(list: RlpReader): Value
}

function durable<Value>(database: Database, name: keyof typeof META, { encode, decode }: Codec<Value>): Durable<Value> {
  return {
    load() {
      const record = database.get(keys.meta(name))
      try {
        return record && decode(new RlpReader(record).list())
      } catch (error) {
        if (error instanceof DecodeError) throw damaged(`the record ${name} is malformed`)
        throw error
      }
    },
    save(value) {
      const batch = database.batch()
      batch.put(keys.meta(name), encode(value))
      return batch.write({ sync: true })
    },
  }
}

function readHeaders(list: RlpReader): HashedHeader[] {
  const headers: HashedHeader[] = []
  while (!list.done()) headers.push(hashHeader(readHeader(list)))
  return headers
}
