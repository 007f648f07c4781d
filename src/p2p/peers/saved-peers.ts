import { fromHex, toHex } from '../../primitives/bytes.ts'
import type { SavedBook } from './address-book.ts'
import type { Ban } from './ban-list.ts'
import { type KnownPeer, type PeerAddresses, usableAddresses } from './known-peer.ts'
import { MAX_BANS } from './limits.ts'

/** What is kept of peers over a restart. */
export interface SavedPeers {
  /** 32 bytes that decide over the book's places. */
  readonly secret: Uint8Array
  readonly book: Pick<SavedBook, 'tried' | 'heardOf'>
  readonly anchors: readonly PeerAddresses[]
  readonly bans: readonly Ban[]
}

const VERSION = 1

export function encodeSavedPeers({ secret, book, anchors, bans }: SavedPeers): string {
  const plain = { version: VERSION, secret: toHex(secret), ...book, anchors, bans }
  return `${JSON.stringify(plain)}\n`
}

/**
 * What can be read of it. A damaged file costs what is damaged: entries that are not well-formed are left out, and
 * without a secret there is nothing to place the others by.
 */
export function decodeSavedPeers(text: string): SavedPeers | undefined {
  let plain: unknown
  try {
    plain = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isRecord(plain) || plain.version !== VERSION) return undefined
  const { secret } = plain
  if (typeof secret !== 'string' || !/^0x[0-9a-f]{64}$/.test(secret)) return undefined
  return {
    secret: fromHex(secret),
    book: { tried: itemsOf(plain.tried, readPeer), heardOf: itemsOf(plain.heardOf, readPeer) },
    anchors: itemsOf(plain.anchors, readAddresses),
    bans: itemsOf(plain.bans, readBan).slice(0, MAX_BANS),
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function itemsOf<T>(list: unknown, read: (item: Record<string, unknown>) => T | undefined): T[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item: unknown) => (isRecord(item) ? (read(item) ?? []) : []))
}

function readAddresses({ peer, addresses }: Record<string, unknown>): PeerAddresses | undefined {
  if (!isText(peer) || !Array.isArray(addresses)) return undefined
  const usable = usableAddresses(addresses.filter(isText))
  return usable && { peer, addresses: usable.addresses }
}

function readPeer(item: Record<string, unknown>): KnownPeer | undefined {
  const addresses = readAddresses(item)
  const { sourceGroup, sequence = 0, seenMs, triedMs, goodMs, failures } = item
  if (addresses === undefined || !isText(sourceGroup)) return undefined
  if (!isCount(sequence) || !isCount(seenMs) || !isCount(triedMs) || !isCount(goodMs) || !isCount(failures))
    return undefined
  const { group } = usableAddresses(addresses.addresses)!
  return { ...addresses, group, sourceGroup, sequence, seenMs, triedMs, goodMs, failures }
}

function readBan({ target, untilMs, reason }: Record<string, unknown>): Ban | undefined {
  return isText(target) && isText(reason) && isCount(untilMs) ? { target, untilMs, reason } : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
