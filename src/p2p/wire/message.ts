import { DecodeError } from '../../primitives/errors.ts'
import { RlpReader } from '../../primitives/rlp.ts'

/**
 * Reads a message that is one RLP list.
 * @param read  takes the list's items; what it leaves is an error.
 * @throws DecodeError, and nothing else, whatever `bytes` hold.
 */
export function decodeMessage<T>(bytes: Uint8Array, maxBytes: number, read: (fields: RlpReader) => T): T {
  if (bytes.length > maxBytes) throw new DecodeError(`${bytes.length} bytes, more than ${maxBytes}`)
  // Never a Buffer, whose `slice` would share memory where decoders mean to copy.
  const outer = new RlpReader(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length))
  const fields = outer.list()
  outer.end()
  const value = read(fields)
  fields.end()
  return value
}

/** The items of a list, at most `max`. @throws DecodeError */
export function readItems<T>(list: RlpReader, max: number, read: (list: RlpReader) => T): T[] {
  const items: T[] = []
  while (!list.done()) {
    if (items.length === max) throw new DecodeError(`more than ${max} items`)
    items.push(read(list))
  }
  return items
}

/** Text for logs and people, in printable ASCII, so that it can be shown as it came. @throws DecodeError */
export function readText(fields: RlpReader, maxBytes: number, name: string): string {
  const bytes = fields.bytes()
  if (bytes.length > maxBytes) throw new DecodeError(`${name} has more than ${maxBytes} bytes`)
  let text = ''
  for (const byte of bytes) {
    if (byte < 0x20 || byte > 0x7e) throw new DecodeError(`${name} is not printable ASCII`)
    text += String.fromCharCode(byte)
  }
  return text
}

/** As `readText` takes it: other characters become `?`, what is too long is cut. */
export function encodeText(text: string, maxBytes: number): Uint8Array {
  return new TextEncoder().encode(text.replace(/[^ -~]/g, '?').slice(0, maxBytes))
}
