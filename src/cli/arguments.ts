import { ConfigError } from '../node/config.ts'

/** What `parse` makes of an argument. @throws ConfigError that names the argument, where `parse` throws. */
export function argument<T>(name: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new ConfigError(`${name}: ${(error as Error).message}`)
  }
}

/** Hex of a hash. @throws RangeError */
export function parseHash(text: string): string {
  if (!/^0x[0-9a-fA-F]{64}$/.test(text)) throw new RangeError(`"${text}" is no hash: 0x and 64 hex digits`)
  return text
}

const TAGS = ['latest', 'pending', 'earliest', 'safe', 'finalized']

/** A block number, in decimal or hex, or a tag, as RPC takes them. @throws RangeError */
export function parseBlockTag(text: string): string {
  if (TAGS.includes(text)) return text
  if (/^\d{1,15}$/.test(text)) return `0x${Number(text).toString(16)}`
  if (/^0x[0-9a-fA-F]{1,13}$/.test(text)) return `0x${Number(text).toString(16)}`
  throw new RangeError(`"${text}" is neither a block number nor one of ${TAGS.join(', ')}`)
}
