import { DecodeError } from '../primitives/errors.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'

/**
 * Pairs of a number and the first 32 bits of a hash, [number, prefix, number, prefix, …], ascending by prefix, then by number,
 * each once. A prefix only says where to look: whoever looks compares the whole. So many lie in few large records, are sorted as the
 * 64-bit integers that they are in memory, and nothing is made for each of them. In memory and on disk the bytes are little-endian,
 * as on all machines that LevelDB's binding is built for.
 */
export type PlaceList = Uint32Array<ArrayBuffer>

/** A transaction is found by its hash, an address's transactions by keccak256 of the address. */
export const PLACE_KINDS = ['transaction', 'address'] as const
export type PlaceKind = (typeof PLACE_KINDS)[number]
export type Places = Readonly<Record<PlaceKind, PlaceList>>

export function prefixOf(hash: Uint8Array): number {
  return ((hash[0]! << 24) | (hash[1]! << 16) | (hash[2]! << 8) | hash[3]!) >>> 0
}

function prefixOfKey(key: string): number {
  return ((key.charCodeAt(0) << 24) | (key.charCodeAt(1) << 16) | (key.charCodeAt(2) << 8) | key.charCodeAt(3)) >>> 0
}

/** Where a block's transactions are in it. Cost: a third of a µs a transaction. */
export function placesIn(transactions: readonly RecoveredTransaction[]): Places {
  const byHash = new Uint32Array(2 * transactions.length)
  const byParty = new Uint32Array(4 * transactions.length)
  let parties = 0
  for (let i = 0; i < transactions.length; i++) {
    const { hash, senderKey, recipientKey } = transactions[i]!
    byHash[2 * i] = i
    byHash[2 * i + 1] = prefixOf(hash)
    byParty[parties++] = i
    byParty[parties++] = prefixOfKey(senderKey)
    if (recipientKey === '') continue
    byParty[parties++] = i
    byParty[parties++] = prefixOfKey(recipientKey)
  }
  return { transaction: sortPlaces(byHash), address: sortPlaces(byParty.slice(0, parties)) }
}

/** @param pairs  in any order, in a buffer of their own, which is sorted. @returns a view of it. */
export function sortPlaces(pairs: PlaceList): PlaceList {
  new BigUint64Array(pairs.buffer).sort()
  let end = 0
  for (let at = 0; at < pairs.length; at += 2) {
    if (end > 0 && pairs[at] === pairs[end - 2] && pairs[at + 1] === pairs[end - 1]) continue
    pairs[end] = pairs[at]!
    pairs[end + 1] = pairs[at + 1]!
    end += 2
  }
  return pairs.subarray(0, end)
}

/** How many pairs come before (prefix, number). */
export function lowerBound(list: PlaceList, prefix: number, number: number): number {
  let low = 0
  let high = list.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    const found = list[2 * middle + 1]!
    if (found < prefix || (found === prefix && list[2 * middle]! < number)) low = middle + 1
    else high = middle
  }
  return low
}

/** All numbers that a list has with a prefix, ascending. */
export function numbersWith(list: PlaceList, prefix: number): number[] {
  const numbers: number[] = []
  for (let at = 2 * lowerBound(list, prefix, 0); list[at + 1] === prefix; at += 2) numbers.push(list[at]!)
  return numbers
}

/** Length of the first list in words, then both. */
export function encodePlaces({ transaction, address }: Places): Uint8Array {
  const words = new Uint32Array(1 + transaction.length + address.length)
  words[0] = transaction.length
  words.set(transaction, 1)
  words.set(address, 1 + transaction.length)
  return new Uint8Array(words.buffer)
}

/** @throws DecodeError. */
export function decodePlaces(record: Uint8Array): Places {
  const words = decodeWords(record)
  const middle = 1 + (words[0] ?? 0)
  if (words.length % 2 === 0 || middle % 2 === 0 || middle > words.length) throw new DecodeError('places end early')
  return { transaction: words.subarray(1, middle), address: words.subarray(middle) }
}

/** @throws DecodeError. */
export function decodeList(record: Uint8Array): PlaceList {
  const words = decodeWords(record)
  if (words.length % 2 !== 0) throw new DecodeError('places end early')
  return words
}

function decodeWords(record: Uint8Array): PlaceList {
  if (record.length % 4 !== 0) throw new DecodeError('places end early')
  // Where it lies in LevelDB's buffer no word may begin.
  return new Uint32Array(new Uint8Array(record).buffer)
}
