import { PARSE_ERROR, RpcError } from './errors.ts'
import { MAX_MESSAGE_NESTING, MAX_MESSAGE_PARTS, SMALL_MESSAGE_CHARS } from './limits.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** A mark of the byte order is no part of JSON. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The JSON of a message. @throws RpcError -32700 for what is none, and for what would take too long to read. */
export function readMessage(message: string | Uint8Array): unknown {
  const text = typeof message === 'string' ? message : decodeUtf8(message)
  if (text.length > SMALL_MESSAGE_CHARS) judgeShape(text)
  try {
    return JSON.parse(text)
  } catch {
    throw parseError('the message is not JSON')
  }
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw parseError('the message is not UTF-8')
  }
}

/**
 * Refuses what costs a JSON parser far more than its length says. One pass that jumps over strings, whose content costs
 * little; it need not know valid JSON, since the parser goes no further than to the first fault, and up to there both agree.
 */
function judgeShape(text: string): void {
  let depth = 0
  let parts = 0
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i)
        break
      case COMMA:
        parts++
        break
      case OPEN_BRACKET:
      case OPEN_BRACE:
        parts++
        if (++depth > MAX_MESSAGE_NESTING) {
          throw parseError(`nested deeper than the limit of ${MAX_MESSAGE_NESTING}`, MAX_MESSAGE_NESTING)
        }
        break
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--
        break
    }
    if (parts > MAX_MESSAGE_PARTS) {
      throw parseError(`more commas and opening brackets than the limit of ${MAX_MESSAGE_PARTS}`, MAX_MESSAGE_PARTS)
    }
  }
}

/** Place of the quote that ends the string which begins at `start`; the end of the text if none does. */
function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end === -1) return text.length
    let escapes = end
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes--
    if ((end - escapes) % 2 === 0) return end
  }
}

function parseError(reason: string, limit?: number): RpcError {
  return new RpcError(PARSE_ERROR, `parse error: ${reason}`, limit === undefined ? undefined : { limit })
}
