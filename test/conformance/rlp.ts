import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { DecodeError } from '../../src/primitives/errors.ts'
import { decodeRlp, encodeRlp, type RlpInput } from '../../src/primitives/rlp.ts'
import { jsonFiles, namedCases, text } from './cases.ts'
import { expectSame, judgeCase, type Report } from './report.ts'

/** Cases `{in, out}`: `out` is the encoding of the value `in`, or bytes of which `in` says VALID or INVALID. */
export async function run(dir: string, report: Report): Promise<void> {
  for (const file of jsonFiles(dir, report)) {
    for (const [name, fields] of namedCases(file, report)) {
      await judgeCase(report, name, () => judge(fields.in, text(fields, 'out')))
    }
  }
}

function judge(value: unknown, encodedHex: string): void {
  const encoded = fromHex(encodedHex)
  if (value === 'INVALID') {
    expectSame('verdict', refused(encoded) ? 'refused' : 'decoded', 'refused')
    return
  }
  const hex = toHex(encoded)
  expectSame('encoding of what was decoded', toHex(encodeRlp(decodeRlp(encoded))), hex)
  if (value === 'VALID') return
  expectSame('encoding', toHex(encodeRlp(toRlp(value))), hex)
}

function refused(encoded: Uint8Array): boolean {
  try {
    decodeRlp(encoded)
  } catch (error) {
    if (error instanceof DecodeError) return true
    throw error
  }
  return false
}

/** Large numbers stand as `#` and decimal digits, other text for its own bytes. */
function toRlp(value: unknown): RlpInput {
  if (typeof value === 'number' || typeof value === 'bigint') return BigInt(value)
  if (typeof value === 'string') {
    return /^#\d+$/.test(value) ? BigInt(value.slice(1)) : new TextEncoder().encode(value)
  }
  if (Array.isArray(value)) return value.map(toRlp)
  throw new Error(`no RLP value: ${JSON.stringify(value)}`)
}
