import { createHash } from 'node:crypto'
import { verifyHash } from '../../src/crypto/noble.ts'
import { concatBytes, fromHex } from '../../src/primitives/bytes.ts'
import { type Fields, isFields, jsonFiles, text } from './cases.ts'
import { expectSame, judgeCase, type Report } from './report.ts'

/** Names of digests in the files, and in Node. */
const DIGESTS: Readonly<Record<string, string>> = {
  'SHA-256': 'sha256',
  'SHA-512': 'sha512',
  'SHA3-256': 'sha3-256',
  'SHA3-512': 'sha3-512',
}

interface Group {
  readonly publicKey: Uint8Array
  readonly digest: string
  /** r ‖ s instead of DER. */
  readonly p1363: boolean
  readonly lowS: boolean
}

/** ECDSA verification: `testGroups` with a key each, of tests `{msg, sig, result}`. */
export async function run(dir: string, report: Report): Promise<void> {
  for (const file of jsonFiles(dir, report)) {
    const groups = Array.isArray(file.content.testGroups) ? file.content.testGroups.filter(isFields) : []
    if (groups.length === 0) report.fail(file.name, 'has no testGroups')
    for (const fields of groups) {
      const tests = Array.isArray(fields.tests) ? fields.tests.filter(isFields) : []
      const group = readGroup(fields, file.name)
      for (const test of tests) {
        if (typeof group === 'string') report.skip(group)
        else await judgeCase(report, `${file.name} ${test.tcId}`, () => judge(group, test))
      }
    }
  }
}

/** @returns why the group is skipped, if it is. */
function readGroup(fields: Fields, file: string): Group | string {
  // Older files call it key.
  const key = isFields(fields.publicKey) ? fields.publicKey : fields.key
  const type = String(fields.type)
  if (!isFields(key) || !/ECDSA/i.test(type)) return `${type}: not ECDSA verification`
  if (key.curve !== 'secp256k1') return `curve ${key.curve}`
  const digest = DIGESTS[String(fields.sha)]
  if (digest === undefined) return `digest ${fields.sha}`
  return {
    publicKey: fromHex(text(key, 'uncompressed')),
    digest,
    p1363: /p1363/i.test(type) || (type === 'undefined' && /p1363/i.test(file)),
    lowS: /bitcoin/i.test(type) || /bitcoin/i.test(file),
  }
}

function judge({ publicKey, digest, p1363, lowS }: Group, test: Fields): void {
  const expected = text(test, 'result')
  const encoded = fromHex(text(test, 'sig'))
  const signature = p1363 ? encoded : parseDer(encoded)
  const hash = createHash(digest)
    .update(fromHex(text(test, 'msg')))
    .digest()
  // A digest longer than the group order counts with its leftmost bits (SEC 1, 4.1.3).
  const valid = signature?.length === 64 && verifyHash(new Uint8Array(hash.subarray(0, 32)), signature, publicKey, lowS)
  if (expected !== 'acceptable') expectSame('verdict', valid ? 'valid' : 'invalid', expected)
}

/** r ‖ s of `SEQUENCE { INTEGER r, INTEGER s }`, 64 bytes; undefined unless it is DER and both fit. */
function parseDer(encoded: Uint8Array): Uint8Array | undefined {
  // Short lengths are enough: two numbers of 33 bytes.
  if (encoded[0] !== 0x30 || encoded[1] !== encoded.length - 2 || encoded.length > 0x80) return undefined
  const r = derInteger(encoded, 2)
  if (r === undefined) return undefined
  const s = derInteger(encoded, r.end)
  if (s === undefined || s.end !== encoded.length) return undefined
  return concatBytes(r.bytes, s.bytes)
}

function derInteger(encoded: Uint8Array, at: number): { bytes: Uint8Array; end: number } | undefined {
  const length = encoded[at + 1]
  const end = at + 2 + (length ?? 0)
  if (encoded[at] !== 0x02 || length === undefined || length === 0 || end > encoded.length) return undefined
  const content = encoded.subarray(at + 2, end)
  const negative = content[0]! >= 0x80
  const padded = content[0] === 0 && length > 1 && content[1]! < 0x80
  if (negative || padded) return undefined
  const digits = content[0] === 0 ? content.subarray(1) : content
  if (digits.length > 32) return undefined
  const bytes = new Uint8Array(32)
  bytes.set(digits, 32 - digits.length)
  return { bytes, end }
}
