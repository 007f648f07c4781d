import { headerHash } from '../crypto/hashes.ts'
import { equalBytes, fromKey } from '../primitives/bytes.ts'
import { StoreError } from '../primitives/errors.ts'
import type { Pacer } from '../trie/update.ts'
import { receiptsRoot } from './block-executor.ts'
import type { ChainStore } from './chain-store.ts'
import type { ExecutedBlock } from './executed-block.ts'
import { transactionsRoot } from './transactions-root.ts'
import type { Head } from './types.ts'

/** A block on disk, as far as its records are what they should be. */
export interface Inspected {
  /** undefined: the header itself is damaged or missing. */
  readonly head: Head | undefined
  /** undefined: not executed yet, or damaged. */
  readonly executed: ExecutedBlock | undefined
  /** What is wrong; undefined: nothing. */
  readonly damage: string | undefined
}

/** Holds header, body and receipts of one block against each other and against its hash. Cost: two tries built, no signatures. */
export async function inspectBlock(store: ChainStore, hash: Uint8Array, pacer: Pacer): Promise<Inspected> {
  let head: Head | undefined
  try {
    head = store.header(hash)
    if (head === undefined) return broken('its header is missing')
    if (!equalBytes(headerHash(head.header), hash)) return broken('its header has another hash')
    const block = store.block(hash)
    if (block === undefined) return broken('its body is missing', head)
    const { header } = head
    if (!equalBytes(fromKey(await transactionsRoot(block.transactions, pacer)), header.transactionsRoot)) {
      return broken('its body is not the one of its header', head)
    }
    const executed = store.executed(hash)
    if (executed === undefined) return { head, executed, damage: undefined }
    const root = fromKey(await receiptsRoot(executed.receipts, pacer))
    // Nothing was executed to make a genesis.
    if (header.number > 0 && !equalBytes(root, header.receiptsRoot)) {
      return broken('its receipts are not those of its header', head)
    }
    if (executed.transactions.some(({ sender }) => sender.length !== 20)) return broken('senders are missing', head)
    return { head, executed, damage: undefined }
  } catch (error) {
    if (error instanceof StoreError) return broken(error.message, head)
    throw error
  }
}

function broken(damage: string, head?: Head): Inspected {
  return { head, executed: undefined, damage }
}
