import { hashHeader } from '../../src/crypto/hashes.ts'
import { proveAncestors } from '../../src/light/ancestors.ts'
import { proveChain } from '../../src/light/prover.ts'
import type { LightRequests, PeerClaim, RequestFault } from '../../src/light/types.ts'
import { lightBackend } from '../../src/node/light-backend.ts'
import { peerBackend } from '../../src/node/peer-backend.ts'
import { createPacer } from '../../src/node/system.ts'
import { decodeBody, decodeReceipts } from '../../src/p2p/wire/blocks.ts'
import { decodeChainProof, encodeChainProof } from '../../src/p2p/wire/history.ts'
import { equalBytes } from '../../src/primitives/bytes.ts'
import { decodeHeader } from '../../src/primitives/header.ts'
import type { HeaderList } from './header-list.ts'
import type { ManualClock } from './manual-clock.ts'
import type { TestChain } from './test-chain.ts'

type WithoutPeer<F> = F extends (peer: string, ...rest: infer Rest) => infer Answer ? (...rest: Rest) => Answer : never

/** What one peer answers, honest or not. */
export type PeerAnswers = {
  readonly [Name in Exclude<keyof LightRequests, 'faultOf'>]: WithoutPeer<LightRequests[Name]>
}

/** A request that the peer did not answer as it should. */
export class NoAnswer extends Error {
  readonly fault: RequestFault
  constructor(fault: RequestFault) {
    super(fault)
    this.fault = fault
  }
}

/** Peers by name, asked without a network. */
export class ScriptedPeers implements LightRequests {
  readonly #peers = new Map<string, PeerAnswers>()
  /** Names of what was asked, in order. */
  readonly asked: { readonly peer: string; readonly what: string }[] = []

  set(id: string, answers: PeerAnswers): void {
    this.#peers.set(id, answers)
  }

  #of(peer: string, what: keyof PeerAnswers): PeerAnswers {
    this.asked.push({ peer, what })
    const answers = this.#peers.get(peer)
    if (!answers) throw new NoAnswer('unhelpful')
    return answers
  }

  async status(peer: string, signal: AbortSignal) {
    return this.#of(peer, 'status').status(signal)
  }
  async headers(peer: string, ...rest: Parameters<PeerAnswers['headers']>) {
    return this.#of(peer, 'headers').headers(...rest)
  }
  async history(peer: string, ...rest: Parameters<PeerAnswers['history']>) {
    return this.#of(peer, 'history').history(...rest)
  }
  async ancestors(peer: string, ...rest: Parameters<PeerAnswers['ancestors']>) {
    return this.#of(peer, 'ancestors').ancestors(...rest)
  }
  async inclusion(peer: string, ...rest: Parameters<PeerAnswers['inclusion']>) {
    return this.#of(peer, 'inclusion').inclusion(...rest)
  }
  async proof(peer: string, ...rest: Parameters<PeerAnswers['proof']>) {
    return this.#of(peer, 'proof').proof(...rest)
  }
  async body(peer: string, ...rest: Parameters<PeerAnswers['body']>) {
    return this.#of(peer, 'body').body(...rest)
  }
  async receipts(peer: string, ...rest: Parameters<PeerAnswers['receipts']>) {
    return this.#of(peer, 'receipts').receipts(...rest)
  }
  readonly faultOf = (error: unknown) => (error instanceof NoAnswer ? error.fault : 'unhelpful')
}

/** Answers nothing until its time is up, as requests over the network end. */
export function withhold(clock: ManualClock): Promise<never> {
  return new Promise((_, reject) => {
    clock.after(10_000, () => reject(new NoAnswer('withheld')))
  })
}

const unavailable = async (): Promise<never> => {
  throw new NoAnswer('unavailable')
}

/** A peer that has the headers of a chain as it stands when it is asked, and no blocks. */
export function headerPeer(chain: HeaderList, claim: Partial<PeerClaim> = {}): PeerAnswers {
  const hashes = () => new Map(chain.headers.map(({ hash, header }) => [hash, header.number]))
  const numberOf = (wanted: Uint8Array): number => {
    for (const [hash, number] of hashes()) if (equalBytes(hash, wanted)) return number
    throw new NoAnswer('unavailable')
  }
  return {
    status: async () => ({
      hash: chain.tip.hash,
      number: chain.tip.header.number,
      totalDifficulty: chain.totalDifficulty,
      ...claim,
    }),
    headers: async ({ start, count, reverse }) => {
      const from = typeof start === 'number' ? start : numberOf(start)
      const places = Array.from({ length: count }, (_, i) => from + (reverse ? -i : i))
      return places.filter((at) => at >= 0 && at < chain.headers.length).map(chain.header)
    },
    history: async (anchorHash) => {
      const anchor = numberOf(anchorHash)
      if (anchor >= chain.tip.header.number) throw new NoAnswer('unavailable')
      return decodeChainProof(encodeChainProof(proveChain(chain, anchor)!))
    },
    ancestors: async (tipHash, numbers) => {
      const header = (number: number) => chain.header(number).header
      return proveAncestors(numbers, numberOf(tipHash), { header, historyNode: chain.historyNode })
    },
    inclusion: unavailable,
    proof: unavailable,
    body: unavailable,
    receipts: unavailable,
  }
}

/** A full node's answers, made and taken apart as on the wire, from a real chain. */
export function fullPeer({ chain, database }: TestChain, provesWork = true): PeerAnswers {
  const pacer = createPacer()
  // By its own clock the work takes no time, so it is never out of its share of that.
  const light = lightBackend({ chain, provesWork, pacer, monotonicMs: () => 0 })
  const { blocks, state } = peerBackend({ chain, database, lookup: () => undefined, arriving: () => undefined })
  const found = <T>(answer: T | undefined): T => {
    if (answer === undefined) throw new NoAnswer('unavailable')
    return answer
  }
  return {
    status: async () => {
      const { hash, header, totalDifficulty } = chain.head
      return { hash, number: header.number, totalDifficulty }
    },
    headers: async (request) =>
      found(await blocks.headers({ ...request, skip: 0 })).map((raw) => hashHeader(decodeHeader(raw))),
    history: async (anchorHash) => decodeChainProof(found(await light.history({ anchorHash, tipHash: undefined }))),
    ancestors: async (tipHash, numbers) => found(await light.ancestors({ tipHash, numbers })),
    inclusion: async (hash) => found(await light.inclusion(hash)),
    proof: async (request) => found(await state.prove(request)),
    body: async (hash) => decodeBody(found(await blocks.body(hash))),
    receipts: async (hash, types) => decodeReceipts(found(await blocks.receipts(hash)), types),
  }
}
