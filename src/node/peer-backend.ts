import type { Chain } from '../chain/chain.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import type { BlockBackend, PoolBackend, StateBackend } from '../p2p/reqresp/backend.ts'
import type { BlockTransactionsRequest } from '../p2p/wire/block-transactions.ts'
import type { HeadersRequest } from '../p2p/wire/headers.ts'
import type { Block } from '../primitives/block.ts'
import { equalBytes, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import type { Header } from '../primitives/header.ts'
import { RlpReader } from '../primitives/rlp.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { proveStorage } from '../state/storage.ts'
import type { Database } from '../store/database.ts'
import { keys } from '../store/schema.ts'

export interface PeerBackendComponents {
  readonly chain: Chain
  readonly database: Database
  /** The pool's. */
  readonly lookup: (hashKey: string) => RecoveredTransaction | undefined
  /** A block that peers have heard of through us and the chain has not taken in yet; `not-yet`: nor is it here whole. */
  readonly arriving: (hash: Uint8Array) => Pick<Block, 'body'> | 'not-yet' | undefined
}

/** Headers of a side branch that one request may walk down; branches longer than that are not asked for by their middle. */
const MAX_SIDE_STEPS = 1024

/** A full node's ledger as peers ask for it. Records go out as they are stored, read off the main thread. */
export function peerBackend({ chain, database, lookup, arriving }: PeerBackendComponents): {
  readonly blocks: BlockBackend
  readonly pool: PoolBackend
  readonly state: StateBackend
} {
  const { store } = chain

  const read = readTogether((keys) => database.getMany(keys))
  const body = async (hash: Uint8Array): Promise<Uint8Array | undefined> => {
    const onItsWay = arriving(hash)
    return typeof onItsWay === 'object' ? onItsWay.body : read(keys.body(hash))
  }
  const isCanonical = (hash: Uint8Array, { number }: Header): boolean => {
    const canonical = number > chain.head.header.number ? undefined : store.canonicalHash(number)
    return canonical !== undefined && equalBytes(canonical, hash)
  }
  const canonicalHashes = async (from: number, count: number, step: number): Promise<Uint8Array[]> => {
    const numbers: number[] = []
    // Above the head there may be records already: blocks written and not yet announced.
    for (let at = from; at >= 0 && at <= chain.head.header.number && numbers.length < count; at += step) {
      numbers.push(at)
    }
    const hashes = await database.getMany(numbers.map(keys.canonical))
    return untilGap(hashes)
  }

  const headerHashes = async ({ start, count, skip, reverse }: HeadersRequest): Promise<Uint8Array[] | undefined> => {
    const step = (reverse ? -1 : 1) * (skip + 1)
    if (typeof start === 'number') return canonicalHashes(start, count, step)
    const first = store.header(start)
    if (first === undefined) return undefined
    if (isCanonical(start, first.header)) return canonicalHashes(first.header.number, count, step)
    const hashes = [start]
    if (!reverse) return hashes
    // Down the side branch one by one, then on along the chain that it leaves.
    let { hash, header } = first
    let next = header.number - (skip + 1)
    for (let steps = 0; next >= 0 && hashes.length < count && steps < MAX_SIDE_STEPS; steps++) {
      const parent = store.header(header.parentHash)!
      hash = parent.hash
      header = parent.header
      if (isCanonical(hash, header)) return [...hashes, ...(await canonicalHashes(next, count - hashes.length, step))]
      if (header.number !== next) continue
      hashes.push(hash)
      next -= skip + 1
    }
    return hashes
  }

  return {
    blocks: {
      headers: async (request) => {
        const hashes = await headerHashes(request)
        const records = hashes && (await database.getMany(hashes.map(keys.header)))
        return records && untilGap(records).map((record) => new RlpReader(record).list().raw())
      },
      body,
      receipts: async (hash) => {
        const record = await read(keys.execution(hash))
        return record && new RlpReader(record).list().raw()
      },
      transactions: async (request) => {
        if (arriving(request.blockHash) === 'not-yet') return 'not-yet'
        const encoded = await body(request.blockHash)
        return encoded && pickTransactions(encoded, request)
      },
    },
    pool: { transaction: (hash) => lookup(toKey(hash))?.tx.raw },
    state: {
      prove: async ({ blockHash, address, slots }) => {
        const accountKey = keccak256Key(address)
        try {
          const account = await chain.prove(accountKey, blockHash)
          const storage = slots.length === 0 ? [] : await proveStorage(database, accountKey, slots)
          return { account, slots: storage.map(({ proof }) => proof) }
        } catch (error) {
          if (error instanceof StateUnavailableError) return undefined
          throw error
        }
      },
    },
  }
}

/** Reads records one by one; those asked for in one turn of the event loop are read at once. */
function readTogether<T>(
  getMany: (keys: readonly Uint8Array[]) => Promise<readonly T[]>,
): (key: Uint8Array) => Promise<T> {
  let keys: Uint8Array[] = []
  let records: Promise<readonly T[]> | undefined
  return async (key) => {
    const index = keys.push(key) - 1
    records ??= Promise.resolve().then(() => {
      const asked = keys
      keys = []
      records = undefined
      return getMany(asked)
    })
    return (await records)[index]!
  }
}

/** What comes before the first that is missing. */
function untilGap(records: readonly (Uint8Array | undefined)[]): Uint8Array[] {
  const gap = records.indexOf(undefined)
  return (gap === -1 ? records : records.slice(0, gap)) as Uint8Array[]
}

/** EIP-2718 encodings at places of a body, without decoding the others; undefined if it has no such places. */
function pickTransactions(body: Uint8Array, { indexes }: BlockTransactionsRequest): Uint8Array[] | undefined {
  const list = new RlpReader(body).list()
  const picked: Uint8Array[] = []
  for (let index = 0; picked.length < indexes.length; index++) {
    if (list.done()) return undefined
    const legacy = list.atList()
    if (index === indexes[picked.length]) picked.push(legacy ? list.raw() : list.bytes())
    else list.raw()
  }
  return picked
}
