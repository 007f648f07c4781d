import { setPriority } from 'node:os'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { MAX_CONCURRENT } from '../../src/p2p/reqresp/limits.ts'
import { requestAncestors } from '../../src/p2p/reqresp/protocols/ancestors.ts'
import { requestHeaders } from '../../src/p2p/reqresp/protocols/headers.ts'
import { requestHistory } from '../../src/p2p/reqresp/protocols/history.ts'
import { requestInclusion } from '../../src/p2p/reqresp/protocols/inclusion.ts'
import { requestProof } from '../../src/p2p/reqresp/protocols/proof.ts'
import { RequestError } from '../../src/p2p/reqresp/request-error.ts'
import { MAX_HEADERS } from '../../src/p2p/wire/limits.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import { ScriptedPeer, type Victim } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_CHAIN_ID, HOSTILE_POW } from './hostile-genesis.ts'

const LOW_PRIORITY = 10
/** Milliseconds after a failure that says nothing about when to come again. */
const REST_MS = 50
/** Clients that connect at a time. */
const CONNECTING = 4
/** Times that each tries: on a busy machine its own side may be too slow for the first. */
const TRIES = 3
/**
 * Questions of this process under way at a time, of whichever clients may ask. Each costs this side as much as the other: with all that
 * they might ask at once, hundreds of clients in one process would be too busy to answer a ping, and be taken for dead.
 */
const ASKING = 64
const NOTHING = { headers: false, bodies: false, txs: false, proof: false, history: false }

/** What the parent process sends first; `go` follows when all processes have answered. */
export interface GreedyOrder {
  readonly clients: number
  readonly address: string
  readonly prefix: string
  /** Canonical blocks from genesis on, in hex; what is asked is about them. */
  readonly blocks: readonly string[]
  /** Of transactions in them. */
  readonly transactions: readonly string[]
}

/** For `forMs` milliseconds. */
export interface GreedyStart {
  readonly forMs: number
}

export interface GreedyReport {
  /** Clients whose connection was ended from the other side since it began. */
  readonly hungUp: number
  /** Milliseconds that this process stood still at most: from ten seconds on its clients are taken for dead. */
  readonly stallMs: number
  /** By protocol. */
  readonly answered: Readonly<Record<string, number>>
  readonly refused: Readonly<Record<string, number>>
}

const stalls = monitorEventLoopDelay()
stalls.enable()

// They would be other people's machines: their work must not be what slows the node down.
setPriority(LOW_PRIORITY)

const clients: ScriptedPeer[] = []
let asked: GreedyOrder

process.on('message', (message: GreedyOrder | GreedyStart) => {
  if ('clients' in message) {
    asked = message
    void connect(message).then(() => process.send!({ connected: clients.filter(isConnected).length }))
  } else {
    void greed(message.forMs).then((report) => process.send!(report))
  }
})
process.on('disconnect', () => process.exit())

async function connect({ clients: wanted, address, prefix, blocks }: GreedyOrder): Promise<void> {
  const victim: Victim = {
    prefix,
    addresses: [multiaddr(address)],
    genesisHash: fromHex(blocks[0]!),
    chainId: BigInt(HOSTILE_CHAIN_ID),
    pow: HOSTILE_POW,
  }
  let begun = 0
  const connecting = async () => {
    while (begun++ < wanted) {
      const role = { name: 'greedy', claim: { serves: NOTHING }, topics: ['header'] as const }
      for (let tries = 0; tries < TRIES; tries++) {
        const client = await ScriptedPeer.connect(victim, role, new AbortController().signal).catch(() => undefined)
        if (client === undefined) continue
        clients.push(client)
        break
      }
    }
  }
  await Promise.all(Array.from({ length: CONNECTING }, connecting))
}

/** One thing that a client asks again and again, as often as it is let: whoever asks sooner is hung up on, which another scenario shows. */
interface Question {
  readonly name: string
  readonly client: ScriptedPeer
  readonly ask: (signal: AbortSignal) => Promise<void>
}

async function greed(forMs: number): Promise<GreedyReport> {
  const signal = AbortSignal.timeout(forMs)
  const answered: Record<string, number> = {}
  const refused: Record<string, number> = {}
  const waiting: Question[] = clients.flatMap((client) =>
    Object.entries(questionsOf(client)).flatMap(([name, ask]) =>
      Array.from({ length: MAX_CONCURRENT }, () => ({ name, client, ask })),
    ),
  )
  const later = new Set<Promise<void>>()
  const before = clients.filter(isConnected).length
  const put = async (question: Question): Promise<number> => {
    const { name, ask } = question
    try {
      await ask(signal)
      answered[name] = (answered[name] ?? 0) + 1
      return 0
    } catch (error) {
      if (!signal.aborted) refused[name] = (refused[name] ?? 0) + 1
      return (error instanceof RequestError && error.refusal?.retryAfterMs) || REST_MS
    }
  }
  const asking = async () => {
    while (!signal.aborted) {
      const question = waiting.shift()
      if (question === undefined) {
        await setTimeout(REST_MS)
        continue
      }
      if (!isConnected(question.client)) continue
      const waitMs = await put(question)
      const again = setTimeout(waitMs, undefined, { signal }).then(
        () => void waiting.push(question),
        () => undefined,
      )
      later.add(again)
      void again.then(() => later.delete(again))
    }
  }
  await Promise.all(Array.from({ length: ASKING }, asking))
  await Promise.all(later)
  return {
    hungUp: before - clients.filter(isConnected).length,
    stallMs: Math.round(stalls.max / 1e6),
    answered,
    refused,
  }
}

function isConnected({ connection }: ScriptedPeer): boolean {
  return connection.status === 'open'
}

/** What a client asks of its victim. */
function questionsOf({ client, connection }: ScriptedPeer) {
  const peer = connection.remotePeer.toString()
  const { blocks, transactions } = asked
  const any = (list: readonly string[]) => fromHex(list[Math.floor(Math.random() * list.length)]!)
  const last = blocks.length - 1
  const start = Math.max(0, last - MAX_HEADERS / 2)
  let newest: Uint8Array | undefined
  const headers = async (signal: AbortSignal) => {
    const found = await requestHeaders(client, peer, { start, count: MAX_HEADERS, skip: 0, reverse: false }, { signal })
    newest = found.at(-1)!.hash
  }
  return {
    headers,
    async history(signal: AbortSignal) {
      await requestHistory(client, peer, { anchorHash: any(blocks.slice(0, -1)), tipHash: undefined }, { signal })
    },
    async ancestors(signal: AbortSignal) {
      const numbers = [...new Set(Array.from({ length: 50 }, () => Math.floor(Math.random() * last)))]
      numbers.sort((a, b) => a - b)
      await requestAncestors(client, peer, { tipHash: fromHex(blocks[last]!), numbers }, { signal })
    },
    async inclusion(signal: AbortSignal) {
      await requestInclusion(client, peer, any(transactions), { signal })
    },
    async proof(signal: AbortSignal) {
      const address = crypto.getRandomValues(new Uint8Array(20))
      // Of old blocks there is no state.
      if (!newest) await headers(signal)
      await requestProof(client, peer, { blockHash: newest!, address, slots: [] }, { signal })
    },
  }
}
