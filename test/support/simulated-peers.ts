import type { PeerBody, PeerHead, PeerRequests } from '../../src/p2p/sync/types.ts'
import type { Block } from '../../src/primitives/block.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import type { Clock } from '../../src/primitives/clock.ts'
import type { HashedHeader } from '../../src/primitives/header.ts'

/** A peer in a test: what it answers from, and how. */
export interface SimulatedPeer {
  /** Block 1 first. */
  blocks: readonly Block[]
  totalDifficulty: bigint
  readonly latencyMs?: number
  /** In place of the truth. */
  claim?: Partial<PeerHead>
  /** Never answers these. */
  silent?: ReadonlySet<'status' | 'headers' | 'bodies'>
  /** What it makes of a body. */
  forge?: (body: PeerBody, block: Block) => PeerBody
  /** Asks for patience so many times before each answer. */
  busy?: number
  /** Has no bodies. */
  bodiless?: boolean
  /** Headers in place of its blocks'. */
  headers?: (number: number) => HashedHeader | undefined
}

export class NoAnswerError extends Error {}

/** It wants to be asked later. */
class BusyError extends NoAnswerError {}

/** Answers requests after each peer's latency, by a clock that the test moves. */
export class SimulatedPeers implements PeerRequests {
  readonly #clock: Clock
  readonly #peers = new Map<string, SimulatedPeer>()
  readonly #blocks = new Map<string, Block>()
  /** Every request: `headers a 1`, `bodies a 16`. */
  readonly log: string[] = []
  #refusals = 0
  /** How often anyone was asked for its head. */
  statusAsked = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(id: string, peer: SimulatedPeer): void {
    this.#peers.set(id, peer)
    for (const block of peer.blocks) this.#blocks.set(toHex(block.hash), block)
  }

  remove(id: string): void {
    this.#peers.delete(id)
  }

  faultOf(error: unknown): 'bad-answer' | 'stalled' | 'unhelpful' {
    if (error instanceof NoAnswerError || (error as Error).name === 'AbortError') return 'unhelpful'
    throw error
  }

  retryAfterMs(error: unknown): number {
    return error instanceof BusyError ? 500 : 0
  }

  status(id: string, signal: AbortSignal): Promise<PeerHead> {
    this.statusAsked++
    return this.#answer(id, 'status', signal, (peer) => {
      const tip = peer.blocks.at(-1)
      const truth = {
        hash: tip?.hash ?? new Uint8Array(32),
        number: tip?.header.number ?? 0,
        totalDifficulty: peer.totalDifficulty,
      }
      return { ...truth, ...peer.claim }
    })
  }

  headers(id: string, start: number, count: number, signal: AbortSignal): Promise<readonly HashedHeader[]> {
    this.log.push(`headers ${id} ${start}`)
    return this.#answer(id, 'headers', signal, (peer) => {
      const headers: HashedHeader[] = []
      for (let number = start; headers.length < count; number++) {
        const header = peer.headers === undefined ? peer.blocks[number - 1] : peer.headers(number)
        if (header === undefined) break
        headers.push(header)
      }
      return headers
    })
  }

  bodies(id: string, hashes: readonly Uint8Array[], signal: AbortSignal): Promise<readonly PeerBody[]> {
    this.log.push(`bodies ${id} ${hashes.length}`)
    return this.#answer(id, 'bodies', signal, (peer) => {
      const bodies: PeerBody[] = []
      for (const hash of hashes) {
        const block = this.#blocks.get(toHex(hash))
        if (block === undefined || peer.bodiless || !peer.blocks.includes(block)) break
        const body = { transactions: block.transactions, encoded: block.body }
        bodies.push(peer.forge?.(body, block) ?? body)
      }
      return bodies
    })
  }

  #answer<T>(
    id: string,
    what: 'status' | 'headers' | 'bodies',
    signal: AbortSignal,
    answer: (peer: SimulatedPeer) => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const gone = () => {
        signal.removeEventListener('abort', gone)
        reject(new NoAnswerError())
      }
      signal.addEventListener('abort', gone)
      const peer = this.#peers.get(id)
      if (peer === undefined) gone()
      else if (!peer.silent?.has(what)) {
        this.#clock.after(peer.latencyMs ?? 20, () => {
          const still = this.#peers.get(id)
          if (still === undefined) gone()
          else if (what !== 'status' && this.#refusals++ % ((still.busy ?? 0) + 1) !== (still.busy ?? 0))
            reject(new BusyError())
          else {
            signal.removeEventListener('abort', gone)
            resolve(answer(still))
          }
        })
      }
    })
  }
}
