import { checkLedgerRules, checkTransactionStateless } from '../../src/chain/transaction-rules.ts'
import type { Engine } from '../../src/consensus/engine.ts'
import { ledgerEvents } from '../../src/node/ledger-events.ts'
import { RecentBlocks } from '../../src/node/recent-blocks.ts'
import { chainBackend, poolBackend } from '../../src/node/rpc-backends.ts'
import { RpcEvents } from '../../src/node/rpc-events.ts'
import { systemClock } from '../../src/node/system.ts'
import { PoolJournal } from '../../src/pool/journal.ts'
import { createJournalStore } from '../../src/pool/journal-store.ts'
import { DEFAULT_POOL_OPTIONS } from '../../src/pool/limits.ts'
import { TransactionPool } from '../../src/pool/pool.ts'
import type { Backends, NodeBackend } from '../../src/rpc/backend.ts'
import { Dispatcher } from '../../src/rpc/dispatch.ts'
import { Filters } from '../../src/rpc/filters.ts'
import type { Json } from '../../src/rpc/json.ts'
import { rpcMethods } from '../../src/rpc/methods/all.ts'
import { withIntrospection } from '../../src/rpc/methods/rpc.ts'
import { Subscriptions } from '../../src/rpc/subscriptions.ts'
import { recoverHere, type TestChain } from './test-chain.ts'

const QUIET_NODE: NodeBackend = {
  clientVersion: 'idobata/0.0.0/test',
  syncing: () => undefined,
  untilSynced: async () => true,
  listening: () => false,
  peerCount: () => 0,
  mining: () => false,
  hashrate: () => 0,
  coinbase: () => undefined,
}

export interface RpcLedger {
  readonly backends: Backends
  readonly pool: TransactionPool
  /** The answer to a message, as a client would get it. */
  send(message: string): Promise<string | undefined>
  /** The result. @throws Error with the error object as its message. */
  call(method: string, ...params: Json[]): Promise<Json>
  stop(): Promise<void>
}

/** RPC over a real chain and a real pool, as a full node puts it together; `recentBlocks` false: all is read from disk. */
export async function rpcLedger(
  { chain, database }: TestChain,
  engine: Engine,
  { recentBlocks = true }: { readonly recentBlocks?: boolean } = {},
): Promise<RpcLedger> {
  const recent = new RecentBlocks(recentBlocks ? chain.store.executed(chain.head.hash) : undefined)
  const unsubscribe = chain.subscribe((event) => {
    if (recentBlocks && event.type === 'head') recent.apply(event)
  })
  const fail = (error: unknown) => {
    throw error
  }
  const pool = new TransactionPool(DEFAULT_POOL_OPTIONS, {
    chain,
    clock: systemClock,
    journal: new PoolJournal({ store: createJournalStore(database) }),
    checkRules(tx) {
      checkTransactionStateless(tx, chain.params.chainId)
      checkLedgerRules(tx)
    },
    recover: recoverHere,
    pause: () => undefined,
    onError: fail,
  })
  await pool.start()
  const backends = {
    chain: chainBackend({ chain, engine, database, recent, recover: recoverHere, pacer: { pause: () => undefined } }),
    pool: poolBackend({ chain, recover: recoverHere }, pool),
    node: QUIET_NODE,
  }
  const pacer = { pause: () => undefined }
  const follow = ledgerEvents({ chain, pool, pacer, onError: fail })
  const events = new RpcEvents({ follow, syncing: QUIET_NODE.syncing, clock: systemClock })
  let ids = 0
  const parts = { events, clock: systemClock, createId: () => `0x${(++ids).toString(16)}` }
  const services = { subscriptions: new Subscriptions(parts), filters: new Filters(parts) }
  const methods = withIntrospection(rpcMethods(backends, services), QUIET_NODE.clientVersion)
  const dispatcher = new Dispatcher({ methods, clock: systemClock, onInternalError: fail })
  const send = async (message: string) => (await dispatcher.handle(message, { client: '127.0.0.1' }))?.text
  return {
    backends,
    pool,
    send,
    async call(method, ...params) {
      const answer = JSON.parse((await send(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })))!)
      if (answer.error) throw new Error(JSON.stringify(answer.error))
      return answer.result
    },
    async stop() {
      services.subscriptions.stop()
      services.filters.stop()
      events.stop()
      dispatcher.stop()
      unsubscribe()
      await pool.stop()
    },
  }
}
