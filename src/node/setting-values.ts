import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { DEV_NAMESPACES, PRIVILEGED_NAMESPACES, PUBLIC_NAMESPACES } from '../rpc/namespaces.ts'
import { TRANSPORTS, type Transport } from './network-options.ts'

/**
 * How the text of a setting is read. Each throws an Error whose message says what is wrong with the text, and leaves it to the
 * caller to say where the text stands.
 */

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new Error(`"${text}" is no whole number from ${least} to ${most}`)
    }
    return value
  }
}

/** Decimal, or hex after 0x; below 2^256. */
export function workAmount(text: string): bigint {
  if (!/^(\d{1,78}|0x[0-9a-fA-F]{1,64})$/.test(text)) throw new Error(`"${text}" is no total difficulty`)
  return BigInt(text)
}

export function host(text: string): string {
  if (!/^[0-9a-zA-Z.:-]+$/.test(text)) throw new Error(`"${text}" is no host name or IP address`)
  return text
}

/** Names with commas between them. */
export function names(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
}

export function namespaces(text: string): readonly string[] {
  const known: readonly string[] = [...PUBLIC_NAMESPACES, ...PRIVILEGED_NAMESPACES, ...DEV_NAMESPACES]
  const unknown = names(text).find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new Error(`there is no namespace "${unknown}"; there are ${[...new Set(known)].join(', ')}`)
  return names(text)
}

export function ipAddress(text: string): string {
  if (isIP(text) === 0) throw new Error(`"${text}" is no IP address`)
  return text
}

export function transports(text: string): readonly Transport[] {
  const known: readonly string[] = TRANSPORTS
  const unknown = names(text).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no transport "${unknown}"; there are ${known.join(', ')}`)
  return names(text) as Transport[]
}

export type Nat = 'none' | 'upnp' | `extip:${string}`

export function nat(text: string): Nat {
  if (text === 'none' || text === 'upnp') return text
  if (text.startsWith('extip:') && isIP(text.slice(6)) !== 0) return text as Nat
  throw new Error(`"${text}" is none of none, upnp and extip:<IP>`)
}

/** Multiaddrs that end in a peer id, so that nobody else can answer in a bootnode's place. */
export function bootnodes(text: string): readonly string[] {
  const wrong = names(text).find((name) => !/^\/.+\/p2p\/[1-9A-HJ-NP-Za-km-z]{46,62}$/.test(name))
  if (wrong !== undefined) {
    throw new Error(`"${wrong}" is no multiaddr with a peer id, as /ip4/192.0.2.1/tcp/30303/p2p/12D3KooW…`)
  }
  return names(text)
}

export function httpUrl(text: string): string {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw new Error(`"${text}" is no http:// or https:// address`)
  const { username, password } = new URL(text)
  // Not repeated: it is a secret.
  if (username !== '' || password !== '')
    throw new Error('the address has a name or password in it; see --rpc.tokenfile and --rpc.jwtsecret')
  return text
}

export function path(text: string): string {
  if (text === '') throw new Error('the path is empty')
  return resolve(text)
}
