import { hashBlock, headerHash, transactionHash } from '../../../src/crypto/hashes.ts'
import { type Account, EMPTY_ACCOUNT, EMPTY_TRIE_ROOT } from '../../../src/primitives/account.ts'
import { blockLength, encodeTransactions } from '../../../src/primitives/block.ts'
import { equalBytes, fromHex, toHex } from '../../../src/primitives/bytes.ts'
import { StateUnavailableError } from '../../../src/primitives/errors.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../../../src/primitives/header.ts'
import { EMPTY_BLOOM, placeReceipts, type Receipt } from '../../../src/primitives/receipt.ts'
import { decodeTransaction, intrinsicGas, type Transaction } from '../../../src/primitives/transaction.ts'
import type {
  Backends,
  BlockRef,
  ChainBlock,
  MinedTransaction,
  SignedTransaction,
  SyncProgress,
} from '../../../src/rpc/backend.ts'

import type { NetworkBackend } from '../../../src/rpc/network.ts'

/** Anvil's first test account, whose key the tests sign with. */
export const SENDER_KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'
export const SENDER = fromHex('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266')
export const CHAIN_ID = 20117
export const GWEI = 10n ** 9n

const ZERO32 = new Uint8Array(32)

interface FakeBlock {
  readonly transactions?: readonly Transaction[]
  readonly baseFeePerGas?: bigint
  readonly gasLimit?: bigint
}

/** A canonical chain of the given blocks after an empty genesis; roots are not computed, since nobody here checks them. */
function buildChain(blocks: readonly FakeBlock[]): { blocks: ChainBlock[]; receipts: Receipt[][] } {
  const built: ChainBlock[] = []
  const receipts: Receipt[][] = []
  for (const [number, { transactions = [], baseFeePerGas = GWEI, gasLimit = 30_000_000n }] of [
    {},
    ...blocks,
  ].entries() as IterableIterator<[number, FakeBlock]>) {
    let cumulativeGasUsed = 0n
    receipts.push(
      transactions.map((tx) => {
        cumulativeGasUsed += intrinsicGas(tx)
        return { type: tx.type, status: 1, cumulativeGasUsed, logs: [] }
      }),
    )
    const header: Header = {
      parentHash: built.at(-1)?.hash ?? ZERO32,
      ommersHash: EMPTY_OMMERS_HASH,
      miner: new Uint8Array(20).fill(0xcb),
      stateRoot: EMPTY_TRIE_ROOT,
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: EMPTY_BLOOM,
      difficulty: 1_000n,
      number,
      gasLimit,
      gasUsed: cumulativeGasUsed,
      timestamp: 1_800_000_000 + 10 * number,
      extraData: ZERO32,
      mixHash: ZERO32,
      nonce: new Uint8Array(8),
      baseFeePerGas,
    }
    const body = encodeTransactions(transactions)
    const sizeBytes = blockLength(header, body)
    built.push({
      ...hashBlock({ header, transactions, body, sizeBytes }),
      totalDifficulty: 1_000n * BigInt(number + 1),
    })
  }
  return { blocks: built, receipts }
}

export interface FakeOptions {
  readonly blocks?: readonly FakeBlock[]
  readonly pooled?: readonly Transaction[]
  /** In the pool, behind a gap. */
  readonly queued?: readonly Transaction[]
  readonly accounts?: Readonly<Record<string, Account>>
  readonly syncing?: SyncProgress
  readonly coinbase?: Uint8Array
  /** Lowest height whose state is held. */
  readonly stateFrom?: number
}

/** Backends over a chain held in memory. Every transaction counts as sent by SENDER. */
export function fakeBackends(options: FakeOptions = {}) {
  const { blocks, receipts } = buildChain(options.blocks ?? [])
  const accounts = options.accounts ?? {}
  const side = sideBlock(blocks[0]!)
  const submitted: Uint8Array[] = []
  const { pooled = [], queued = [] } = options
  const head = blocks.at(-1)!

  const find = (ref: BlockRef): ChainBlock | undefined => {
    if ('hash' in ref) return [...blocks, side].find(({ hash }) => equalBytes(hash, ref.hash))
    if ('number' in ref) return blocks[ref.number]
    return ref.tag === 'earliest' ? blocks[0] : head
  }
  const account = (address: Uint8Array, number: number) => {
    if (number < (options.stateFrom ?? 0)) throw new StateUnavailableError()
    return accounts[toHex(address)]
  }
  const mined = (block: ChainBlock): MinedTransaction[] =>
    block.transactions.map((tx, index) => ({ ...signed(tx), header: block, index }))
  const signed = (tx: Transaction): SignedTransaction => ({ tx, hash: transactionHash(tx), sender: SENDER })

  const poolContent = { sender: SENDER, pending: pooled.map(signed), queued: queued.map(signed) }

  const backends: Backends = {
    chain: {
      chainId: BigInt(CHAIN_ID),
      head: async () => head,
      header: async (ref) => find(ref),
      branch: async ({ header: { number } }, count) => blocks.slice(Math.max(0, number + 1 - count), number + 1),
      block: async (ref) => find(ref),
      receipts: async (block) => receipts[block.header.number]!,
      senders: async (block) => block.transactions.map(() => SENDER),
      transaction: async (hash) => blocks.flatMap(mined).find((transaction) => equalBytes(transaction.hash, hash)),
      transactionAt: async (ref, index) => {
        const block = find(ref)
        return block && mined(block)[index]
      },
      receiptsOf: async ({ header }, transactions) => {
        const placed = placeReceipts(receipts[header.number]!)
        return transactions.map(({ index }) => placed[index]!)
      },
      history: async (address, from, atLeast) => {
        const order = 'before' in from ? blocks.slice(0, from.before).toReversed() : blocks.slice(from.after + 1)
        const touching = (block: ChainBlock) => {
          const own = mined(block).filter(({ tx, sender }) =>
            [sender, tx.to].some((party) => party && equalBytes(party, address)),
          )
          return 'before' in from ? own.reverse() : own
        }
        const all = order.map(touching).filter((transactions) => transactions.length > 0)
        let taken = 0
        const page: MinedTransaction[] = []
        while (page.length < atLeast && taken < all.length) page.push(...all[taken++]!)
        return { transactions: page, more: taken < all.length }
      },
      account: async (address, at) => account(address, at.header.number),
      code: async () => Uint8Array.of(0x60, 0x42),
      storage: async (_address, key) => BigInt(key[31]!),
      proof: async (address, keys, at) => ({
        account: account(address, at.header.number),
        accountProof: [Uint8Array.of(0xc0)],
        storage: keys.map((key) => ({ value: BigInt(key[31]!), proof: [Uint8Array.of(0x80)] })),
      }),
      reward: ({ number }) => (number === 0 ? 0n : 2n * 10n ** 18n),
      nextBaseFee: ({ baseFeePerGas }) => baseFeePerGas - baseFeePerGas / 8n,
    },
    pool: {
      minTip: GWEI,
      submit: async (raw) => {
        submitted.push(raw)
        return transactionHash(decodeTransaction(raw))
      },
      nonce: async (address) => (accounts[toHex(address)] ?? EMPTY_ACCOUNT).nonce + BigInt(pooled.length),
      status: () => ({ pending: pooled.length, queued: queued.length }),
      content: () => (pooled.length + queued.length > 0 ? [poolContent] : []),
      contentFrom: (sender) => (equalBytes(sender, SENDER) ? poolContent : { sender, pending: [], queued: [] }),
      get: async (hash) =>
        poolContent.pending.concat(poolContent.queued).find((transaction) => equalBytes(transaction.hash, hash)),
    },
    node: {
      clientVersion: 'idobata/0.0.0/test',
      syncing: () => options.syncing,
      untilSynced: async () => options.syncing === undefined,
      listening: () => false,
      peerCount: () => 0,
      mining: () => true,
      hashrate: () => 1234.4,
      coinbase: () => options.coinbase,
    },
    light: {
      status: () => ({
        stage: 'following',
        head,
        tip: head,
        highestClaimed: head.header.number,
        receivedBytes: 9,
        peers: 2,
        vouching: 1,
        samples: 0,
        faults: { withheld: 1 },
      }),
    },
    history: { prove: async (anchorHash, tipHash) => (equalBytes(tipHash, side.hash) ? undefined : anchorHash) },
    network: fakeNetwork(),
  }
  return { ...backends, blocks, side, submitted }
}

/** Two peers; what it remembers: a block by the hash of zeros, a transaction by that of ones. */
function fakeNetwork(): NetworkBackend {
  const peer = {
    headHash: ZERO32,
    headNumber: 7,
    totalDifficulty: 9n,
    connectedMs: 1,
    agent: 'idobata/1.0.0',
    score: 1.5,
  }
  const near = { ...peer, id: 'near', address: '/ip4/10.0.0.1/tcp/1', inbound: true, trusted: false, route: 'direct' }
  const percentiles = { count: 1, p50: 2, p90: 3, p99: 4 }
  const banned = new Map<string, number>()
  return {
    peerId: 'self',
    addresses: () => ['/ip4/10.0.0.2/tcp/2/p2p/self'],
    peers: () => [
      { ...near, roundTripMs: 3 },
      { ...near, id: 'through a router', route: 'mapped', roundTripMs: 5 },
      { ...near, id: 'far', route: 'relayed', inbound: false, trusted: true, roundTripMs: undefined, score: -3 },
    ],
    addPeer: () => undefined,
    removePeer: async (peer) => peer === 'near',
    ban: (target, seconds) => banned.set(target, seconds),
    unban: (target) => banned.delete(target),
    bans: () => [...banned].map(([target, seconds]) => ({ target, untilMs: seconds * 1000, reason: 'asked for' })),
    propagation: (hash) => {
      const seen = { hash, firstSeenMs: 5, arrivals: [{ peer: 'far', afterMs: 4 }] }
      if (hash[0] === 1) return { ...seen, from: undefined, validAfterMs: 1 }
      return hash[0] === 0
        ? { ...seen, number: 3, from: 'near', rebuiltAfterMs: 2, transactions: 9, missing: 0 }
        : undefined
    },
    propagationStats: () => ({
      blocks: { rebuilt: percentiles, valid: percentiles, others: percentiles, rebuiltAlone: 1 },
      transactions: { valid: percentiles, others: percentiles },
      first: [{ peer: 'near', blocks: 1 }],
    }),
  }
}

/** A block of height 1 on another branch. */
function sideBlock({ header: genesis, hash }: ChainBlock): ChainBlock {
  const header = { ...genesis, number: 1, parentHash: hash, extraData: new Uint8Array(32).fill(1) }
  return {
    hash: headerHash(header),
    header,
    transactions: [],
    body: encodeTransactions([]),
    sizeBytes: 540,
    totalDifficulty: 2_000n,
  }
}
