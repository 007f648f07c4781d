import { transactionHash } from '../../../src/crypto/hashes.ts'
import { EMPTY_ACCOUNT } from '../../../src/primitives/account.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import type { Transaction } from '../../../src/primitives/transaction.ts'
import type { Json } from '../../../src/rpc/json.ts'
import { fakeBackends, GWEI, SENDER } from './fake-backends.ts'
import { signedByViem } from './signed.ts'

const TO = `0x${'0b'.repeat(20)}` as const
const CONTRACT = `0x${'0d'.repeat(20)}`
const FROM = toHex(SENDER)
const NOTHING = `0x${'77'.repeat(32)}`
const WORD = `0x${'01'.padStart(64, '0')}`

const hashHex = (tx: Transaction) => toHex(transactionHash(tx))

/** A node with everything in it that has a shape of its own: each type of transaction mined, waiting and queued. */
export async function furnishedNode() {
  const accessList = [{ address: TO, storageKeys: [WORD as `0x${string}`] }]
  const fees = { maxFeePerGas: 9n * GWEI, maxPriorityFeePerGas: 2n * GWEI }
  const mined = [
    await signedByViem({ to: TO, nonce: 0, value: 5n, gasPrice: 3n * GWEI }),
    await signedByViem({ to: TO, nonce: 1, gasPrice: 3n * GWEI, accessList, gas: 30_000n }),
    await signedByViem({ to: TO, nonce: 2, ...fees, data: '0x0102030405' }),
    await signedByViem({ to: TO, nonce: 3, gasPrice: 3n * GWEI, chainId: undefined }),
  ]
  const pooled = await Promise.all([4, 5].map((nonce) => signedByViem({ to: TO, nonce, ...fees })))
  const queued = [await signedByViem({ to: TO, nonce: 9, gasPrice: 3n * GWEI })]
  const backends = fakeBackends({
    blocks: [{ transactions: mined }, {}],
    pooled,
    queued,
    coinbase: SENDER,
    accounts: {
      [FROM]: { ...EMPTY_ACCOUNT, nonce: 4n, balance: 10n ** 18n },
      [CONTRACT]: { ...EMPTY_ACCOUNT, codeHash: new Uint8Array(32).fill(1) },
    },
  })
  const unsent = await signedByViem({ to: TO, nonce: 6, ...fees })
  const facts: CallFacts = {
    from: FROM,
    to: TO,
    contract: CONTRACT,
    blockHash: toHex(backends.blocks[1]!.hash),
    sideHash: toHex(backends.side.hash),
    mined: mined.map(hashHex),
    pending: hashHex(pooled[0]!),
    unsent: toHex(unsent.raw),
  }
  return { backends, facts }
}

/** What there is on a node to ask about. */
export interface CallFacts {
  /** An account that has sent. */
  readonly from: string
  /** One that has received. */
  readonly to: string
  readonly contract: string
  /** Of block 1. */
  readonly blockHash: string
  /** Of a block on another branch. */
  readonly sideHash: string
  /** Hashes of block 1's transactions. */
  readonly mined: readonly string[]
  /** Hash of a transaction in the pool. */
  readonly pending: string
  /** A signed transaction that nobody has seen. */
  readonly unsent: string
}

/** Parameters to call each method with, so that every kind of answer comes that it has. */
export function callsOf(facts: CallFacts): Readonly<Record<string, readonly Json[][]>> {
  const { from, to, contract, blockHash, sideHash, mined, pending, unsent } = facts
  const transactions = [...mined, pending, NOTHING].map((hash) => [hash])
  const numbers = [['latest'], ['pending'], ['earliest'], ['safe'], ['finalized'], ['0x1'], ['0x99']]
  const hashes = [[blockHash], [sideHash], [NOTHING]]
  const states = [[], ['latest'], ['pending'], ['0x1'], [blockHash], [{ blockHash, requireCanonical: true }], ['0x99']]
  const withState = (...params: Json[]) => states.map((state) => [...params, ...state])
  const transfer = { from, to, value: '0x1' }
  const calls = [
    [{ to }],
    [transfer, 'latest'],
    [{ ...transfer, maxFeePerGas: '0x77359400', maxPriorityFeePerGas: '0x1' }, 'latest', {}],
    [{ ...transfer, gasPrice: '0x77359400', data: '0x01', accessList: [{ address: to, storageKeys: [WORD] }] }],
    [{ from, to: contract }],
    [{ from }],
    [{ ...transfer, value: '0xffffffffffffffffffff' }],
  ]
  const none: Json[][] = [[]]
  return {
    eth_chainId: none,
    eth_blockNumber: none,
    eth_syncing: none,
    eth_mining: none,
    eth_hashrate: none,
    eth_coinbase: none,
    eth_accounts: none,
    eth_getBlockByNumber: numbers.flatMap((params) => [params, [...params, true], [...params, false]]),
    eth_getBlockByHash: hashes.flatMap((params) => [params, [...params, true]]),
    eth_getHeaderByNumber: numbers,
    eth_getHeaderByHash: hashes,
    eth_getBlockTransactionCountByNumber: numbers,
    eth_getBlockTransactionCountByHash: hashes,
    eth_getUncleCountByBlockNumber: numbers,
    eth_getUncleCountByBlockHash: hashes,
    eth_getUncleByBlockNumberAndIndex: [['latest', '0x0']],
    eth_getUncleByBlockHashAndIndex: [[blockHash, '0x0']],
    eth_getBlockReceipts: [...numbers, ...hashes.slice(0, 1), [NOTHING], [{ blockHash }]],
    eth_getBalance: withState(from),
    eth_getTransactionCount: withState(from),
    eth_getAccountInfo: [...withState(from), [to]],
    eth_getCode: withState(contract),
    eth_getStorageAt: withState(contract, '0x1'),
    eth_getProof: [...withState(from, ['0x1', '0x01', WORD]), [to, []]],
    eth_sendRawTransaction: [[unsent], ['0x'], ['0x01'], ['0xc0']],
    eth_getTransactionByHash: transactions,
    eth_getTransactionByBlockNumberAndIndex: ['0x0', '0x1', '0x2', '0x3', '0x4'].map((index) => ['0x1', index]),
    eth_getTransactionByBlockHashAndIndex: [
      [blockHash, '0x0'],
      [NOTHING, '0x0'],
    ],
    eth_getTransactionReceipt: transactions,
    eth_getRawTransactionByHash: transactions,
    eth_getRawTransactionByBlockNumberAndIndex: [
      ['0x1', '0x0'],
      ['0x99', 0],
    ],
    eth_getRawTransactionByBlockHashAndIndex: [
      [blockHash, '0x0'],
      [NOTHING, '0x0'],
    ],
    eth_call: calls,
    eth_estimateGas: calls,
    eth_createAccessList: calls,
    eth_fillTransaction: [
      [transfer],
      [{ ...transfer, gasPrice: '0x77359400' }],
      [{ ...transfer, type: '0x1' }],
      [{ ...transfer, type: '0x0' }],
      [{ ...transfer, nonce: '0x9', gas: '0x5209', maxFeePerGas: '0x77359400' }],
    ],
    eth_maxPriorityFeePerGas: none,
    eth_gasPrice: none,
    eth_feeHistory: [
      ['0x2', 'latest', [5, 50, 95]],
      [5, '0x1'],
      [0, 'latest'],
      [1, '0x99'],
    ],
    eth_getLogs: [
      [{}],
      [{ fromBlock: '0x0', toBlock: 'latest', address: to, topics: [null, [WORD, WORD]] }],
      [{ blockHash }],
    ],
    eth_newFilter: [[{}], [{ fromBlock: '0x1', topics: [[WORD], null] }]],
    eth_newBlockFilter: none,
    eth_newPendingTransactionFilter: none,
    eth_getFilterChanges: [['0x1'], ['0x3'], ['0x99']],
    eth_getFilterLogs: [['0x1'], ['0x99']],
    eth_uninstallFilter: [['0x1'], ['0x1']],
    eth_subscribe: [['newHeads'], ['newHeads', { removed: true }], ['logs', { address: to }], ['syncing']],
    eth_unsubscribe: [['0x5'], ['0x99']],
    idobata_peers: none,
    idobata_propagation: ['00', '01', '02'].map((byte) => [`0x${byte.repeat(32)}`]),
    idobata_propagationStats: none,
    idobata_waitUntilSynced: [[], [0]],
    idobata_lightStatus: none,
    idobata_historyProof: [[], ['earliest', sideHash], ['latest', 'earliest'], ['0x0', '0x1'], ['0x0', '0x99']],
    admin_nodeInfo: none,
    admin_peers: none,
    admin_addPeer: [['/ip4/10.0.0.3/tcp/3/p2p/other']],
    admin_removePeer: [['near'], ['unknown']],
    admin_ban: [['near'], ['10.0.0.1', 60]],
    admin_unban: [['near'], ['near']],
    admin_bans: none,
    txpool_status: none,
    txpool_content: none,
    txpool_contentFrom: [[from], [to]],
    txpool_inspect: none,
    debug_getRawHeader: [...numbers, ...hashes],
    debug_getRawBlock: [...numbers, ...hashes],
    debug_getRawReceipts: [...numbers, [blockHash]],
    debug_getRawTransaction: transactions,
    ots_getApiLevel: none,
    ots_hasCode: [[from], [contract, 1], [contract, 'latest']],
    ots_getBlockDetails: [[0], [1], ['latest'], [99]],
    ots_getBlockDetailsByHash: [[blockHash], [NOTHING]],
    ots_getBlockTransactions: [
      [1, 0, 3],
      [1, 1, 3],
      [1, 2, 3],
      ['latest', 0, 25],
      [99, 0, 25],
    ],
    ots_getInternalOperations: transactions,
    ots_getTransactionError: transactions,
    ots_traceTransaction: transactions,
    ots_getContractCreator: [[contract], [from]],
    ots_searchTransactionsBefore: [
      [from, 0, 25],
      [to, 2, 1],
      [contract, 0, 25],
    ],
    ots_searchTransactionsAfter: [
      [from, 0, 25],
      [to, 1, 25],
    ],
    ots_getTransactionBySenderAndNonce: [
      [from, 2],
      [from, 99],
      [to, 0],
    ],
    erigon_getHeaderByNumber: [['latest'], [1], ['0x99']],
    net_version: none,
    net_listening: none,
    net_peerCount: none,
    web3_clientVersion: none,
    web3_sha3: [['0x'], [blockHash]],
    rpc_modules: none,
    rpc_discover: none,
  }
}
