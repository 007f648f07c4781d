import type { Block, DecodedBlock } from '../primitives/block.ts'
import { encodeHeader, type HashedHeader, type Header } from '../primitives/header.ts'
import { EMPTY_BLOOM, type Log } from '../primitives/receipt.ts'
import { signingBytes, type Transaction } from '../primitives/transaction.ts'
import { keccak256 } from './keccak.ts'

/** Identity of a transaction: keccak256 of its EIP-2718 encoding. */
export function transactionHash(tx: Transaction): Uint8Array {
  return keccak256(tx.raw)
}

/** What the sender signed. */
export function signingHash(tx: Transaction): Uint8Array {
  return keccak256(signingBytes(tx))
}

/** Identity of a block: keccak256(rlp(header)). */
export function headerHash(header: Header): Uint8Array {
  return keccak256(encodeHeader(header))
}

export function hashHeader(header: Header): HashedHeader {
  return { hash: headerHash(header), header }
}

export function hashBlock(decoded: DecodedBlock): Block {
  // Last: a block given with the hash it had before its seal must not keep that one.
  return { ...decoded, hash: headerHash(decoded.header) }
}

/** 2048-bit bloom over addresses and topics of `logs`. Source: Ethereum Yellow Paper, section 4.3.1. */
export function logsBloom(logs: readonly Log[]): Uint8Array {
  if (logs.length === 0) return EMPTY_BLOOM
  const bloom = new Uint8Array(256)
  for (const { address, topics } of logs) {
    for (const entry of [address, ...topics]) {
      const hash = keccak256(entry)
      for (let i = 0; i < 6; i += 2) {
        const bit = ((hash[i]! << 8) | hash[i + 1]!) & 2047
        const at = 255 - (bit >> 3)
        bloom[at] = bloom[at]! | (1 << (bit & 7))
      }
    }
  }
  return bloom
}
