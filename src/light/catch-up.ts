import { HeaderBranch } from '../chain/header-branch.ts'
import { checkHeader } from '../chain/header-rules.ts'
import { appendLeaf, historyLeaf, NO_PEAKS, type Peaks } from '../chain/history.ts'
import type { ChainParams, Head } from '../chain/types.ts'
import type { Engine } from '../consensus/engine.ts'
import { equalBytes } from '../primitives/bytes.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { Pacer } from '../trie/update.ts'
import { verifyChainProof } from './flyclient.ts'
import type { LightChain, Segment } from './light-chain.ts'
import { FromFutureError, PeerFault, ReorgedError } from './light-error.ts'
import { ALL_HEADERS_BELOW, HEADERS_PER_REQUEST, MAX_LINKED_HEADERS, SIGNED_HEADERS, WINDOW_HEADERS } from './limits.ts'
import { readSignedSegment, signedRange } from './signed-segment.ts'
import type { LightRequests, LightRules, PeerClaim } from './types.ts'

export interface CatchUpComponents {
  readonly chain: LightChain
  readonly params: ChainParams
  readonly engine: Engine
  readonly rules: LightRules
  readonly genesis: HashedHeader
  readonly requests: LightRequests
  readonly pacer: Pacer
  /** Whether a header is further ahead of the clock than is allowed. */
  readonly isFromFuture: (header: Header) => boolean
}

interface KeptHeader {
  readonly hashed: HashedHeader
  /** The range before it. */
  readonly before: Peaks
}

/** Headers below our tip that are asked for with those above it: most forks are no deeper. */
const OVERLAP_HEADERS = 8

/**
 * Has a peer show the chain that it claims, and takes it over where it is the heaviest: header by header where it leaves ours within the
 * window, else by the shortest proof that the engine allows.
 */
export class CatchUp {
  readonly #parts: CatchUpComponents
  #samples = 0

  constructor(components: CatchUpComponents) {
    this.#parts = components
  }

  /** Headers looked at because a proof had sampled them. */
  get samples(): number {
    return this.#samples
  }

  /**
   * @returns the peer's head as it was shown, no lighter than claimed; undefined if it is lighter than what is followed and
   * leaves it below the window.
   * @throws FromFutureError, ReorgedError; PeerFault, BlockError, ProofError: the peer's fault; whatever `requests` rejects with.
   */
  async prove(peer: string, claim: PeerClaim, signal: AbortSignal): Promise<Head | undefined> {
    const { chain, rules } = this.#parts
    const { tip, base } = chain
    const near = claim.number <= tip.header.number + MAX_LINKED_HEADERS && claim.number > base.header.number
    if (near || chain.get(claim.hash)) {
      const linked = await this.#link(peer, claim, signal)
      // A heavier branch that leaves ours below the window, header for header known, has to be proven all the same to be followed.
      if (linked && !(chain.forkNumber(claim.hash) === undefined && outweighs(linked, chain.tip))) return linked
    }
    if (!outweighs(claim, tip)) return undefined
    const segment =
      rules === undefined || claim.number < ALL_HEADERS_BELOW
        ? await this.#allHeaders(peer, claim, signal)
        : await this.#proof(rules, peer, claim, signal)
    // What it had when it claimed to, it still has: a chain only ever grows in work.
    if (segment.totalDifficulty < claim.totalDifficulty) throw new PeerFault('false-claim', 'less work than claimed')
    chain.adopt(segment)
    return { ...segment.headers.at(-1)!, totalDifficulty: segment.totalDifficulty }
  }

  /** Takes headers from the claimed one down until one follows a header held. @returns undefined: none does. */
  async #link(peer: string, claim: PeerClaim, signal: AbortSignal): Promise<Head | undefined> {
    const { chain, requests, isFromFuture } = this.#parts
    const newestFirst: HashedHeader[] = []
    let start = claim.hash
    let count = Math.max(0, claim.number - chain.tip.header.number) + OVERLAP_HEADERS
    while (!chain.get(claim.hash)) {
      const more = await requests.headers(peer, { start, count, reverse: true }, signal)
      if (more.length === 0) throw new PeerFault('withheld', 'nothing of what it claims')
      newestFirst.push(...more)
      const lowest = newestFirst.at(-1)!.header
      if (newestFirst[0]!.header.number !== claim.number) throw new PeerFault('false-claim', 'another number')
      if (chain.canExtend(lowest.parentHash)) {
        for (const hashed of newestFirst.reverse()) {
          if (isFromFuture(hashed.header)) throw new FromFutureError()
          chain.add(hashed)
        }
        break
      }
      start = lowest.parentHash
      count = Math.min(HEADERS_PER_REQUEST, lowest.number - chain.base.header.number)
      if (count < 1 || newestFirst.length > WINDOW_HEADERS) return undefined
    }
    const head = chain.get(claim.hash)
    if (!head) return undefined
    if (head.totalDifficulty !== claim.totalDifficulty) throw new PeerFault('false-claim', 'other work than claimed')
    return head
  }

  /** Every header, from our tip on where the peer's chain goes through it, else from genesis. */
  async #allHeaders(peer: string, claim: PeerClaim, signal: AbortSignal): Promise<Segment> {
    const { chain, genesis, engine } = this.#parts
    const { number } = chain.tip.header
    if (number > 0 && claim.number > number) {
      const segment = await this.#headersOn(chain.segment(number, WINDOW_HEADERS), peer, claim, signal)
      if (segment) return segment
    }
    const start = { before: NO_PEAKS, headers: [genesis], totalDifficulty: engine.weight(genesis.header) }
    const segment = await this.#headersOn(start, peer, claim, signal)
    if (!segment) throw new PeerFault('false-claim', 'not a chain of this network')
    return segment
  }

  /** @returns what was held and what came on top of it; undefined: the peer's chain does not go through the last of `held`. */
  async #headersOn(held: Segment, peer: string, claim: PeerClaim, signal: AbortSignal): Promise<Segment | undefined> {
    const { chain, requests, params, engine, pacer, isFromFuture } = this.#parts
    let peaks = held.before
    const kept: KeptHeader[] = held.headers.map((hashed) => {
      const before = peaks
      peaks = appendLeaf(before, historyLeaf(hashed.hash, hashed.header)).peaks
      return { hashed, before }
    })
    const from = held.headers.at(-1)!
    const known = (hash: Uint8Array) => chain.get(hash)?.header
    const branch = new HeaderBranch(
      { ...from, totalDifficulty: held.totalDifficulty, peaks },
      { params, engine, known },
    )
    while (branch.tip.header.number < claim.number) {
      const start = branch.tip.header.number + 1
      const count = Math.min(HEADERS_PER_REQUEST, claim.number - start + 1)
      const headers = await requests.headers(peer, { start, count, reverse: false }, signal)
      if (headers[0] && !follows(headers[0], branch.tip)) {
        if (branch.tip.hash === from.hash) return undefined
        throw new ReorgedError()
      }
      for (const hashed of headers) {
        if (isFromFuture(hashed.header)) {
          // What comes before it counts: a slow clock must not keep us from following as far as it goes.
          chain.adopt(segmentOf(kept, branch.tip))
          throw new FromFutureError()
        }
        kept.push({ hashed, before: branch.peaks })
        branch.extend(hashed)
      }
      kept.splice(0, kept.length - WINDOW_HEADERS)
      if (headers.length < count) break
      await pacer.pause()
    }
    return segmentOf(kept, branch.tip)
  }

  #proof(rules: NonNullable<LightRules>, peer: string, claim: PeerClaim, signal: AbortSignal) {
    return rules.name === 'pow'
      ? this.#sampled(rules, peer, signal)
      : this.#signed(rules.signers.length, peer, claim, signal)
  }

  async #sampled(rules: LightRules & { name: 'pow' }, peer: string, signal: AbortSignal): Promise<Segment> {
    const { chain, genesis, engine, params, requests, isFromFuture } = this.#parts
    const from = chain.sharedAnchor
    const { proof, anchor } = await requests
      .history(peer, from.hash, signal)
      .then((found) => ({ proof: found, anchor: from }))
      .catch(async (error) => {
        // The peer's chain may leave ours below that.
        if (from.header.number === 0 || requests.faultOf(error) !== 'unavailable') throw error
        const start = { ...genesis, totalDifficulty: engine.weight(genesis.header) }
        return { proof: await requests.history(peer, genesis.hash, signal), anchor: start }
      })
    const proven = verifyChainProof(proof, { chainId: params.chainId, anchor, params: rules })
    this.#samples += proof.samples.length
    if (isFromFuture(proven.header)) throw new FromFutureError()
    const { hash, header, tail, history, totalDifficulty } = proven
    const headers = [...tail, { hash, header }]
    headers.forEach((child, place) => {
      const parent = headers[place - 1]
      if (parent) checkHeader(child.header, parent.header, params)
    })
    return { before: history, headers, totalDifficulty }
  }

  /** The headers of the last rounds of signers, and that they stand on our genesis and on what we knew before. */
  async #signed(signers: number, peer: string, claim: PeerClaim, signal: AbortSignal): Promise<Segment> {
    const { chain, genesis, params, engine, requests, isFromFuture } = this.#parts
    const newestFirst = await requests.headers(
      peer,
      { start: claim.hash, count: Math.min(HEADERS_PER_REQUEST, SIGNED_HEADERS + 4 * signers), reverse: true },
      signal,
    )
    const headers = newestFirst.toReversed()
    if (headers.length === 0) throw new PeerFault('withheld', 'nothing of what it claims')
    // Else a short chain with another genesis that the same signers sealed could be shown: whole, with nothing below it.
    if (headers.at(-1)!.header.number !== claim.number) throw new PeerFault('false-claim', 'another number')
    const range = signedRange(genesis, chain.anchor, headers)
    const proof = await requests.ancestors(peer, claim.hash, range.numbers, signal)
    const segment = readSignedSegment(range, headers, proof, { params, engine, signers })
    if (!segment) return this.#allHeaders(peer, claim, signal)
    if (isFromFuture(headers.at(-1)!.header)) throw new FromFutureError()
    return segment
  }
}

function segmentOf(kept: readonly KeptHeader[], { totalDifficulty }: Head): Segment {
  return { before: kept[0]!.before, headers: kept.map(({ hashed }) => hashed), totalDifficulty }
}

function outweighs(a: Pick<Head, 'totalDifficulty'>, b: Pick<Head, 'totalDifficulty'>): boolean {
  return a.totalDifficulty > b.totalDifficulty
}

function follows(child: HashedHeader, parent: HashedHeader): boolean {
  return equalBytes(child.header.parentHash, parent.hash)
}
