import { appendLeaf, historyCommitment, historyLeaf, NO_PEAKS, type Peaks } from '../../src/chain/history.ts'
import type { Ancestry, Candidate, Engine } from '../../src/consensus/engine.ts'
import { hashHeader, headerHash } from '../../src/crypto/hashes.ts'
import { EMPTY_TRIE_ROOT } from '../../src/primitives/account.ts'
import { type Key, toKey } from '../../src/primitives/bytes.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../../src/primitives/header.ts'
import { INITIAL_BASE_FEE } from '../../src/primitives/limits.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'

export const GENESIS_TIMESTAMP = 1_700_000_000

/** A header of an empty block, everything at its default. */
export function headerWith(fields: Partial<Header>): Header {
  return {
    parentHash: new Uint8Array(32),
    ommersHash: EMPTY_OMMERS_HASH,
    miner: new Uint8Array(20),
    stateRoot: EMPTY_TRIE_ROOT,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: EMPTY_BLOOM,
    difficulty: 1n,
    number: 0,
    gasLimit: 30_000_000n,
    gasUsed: 0n,
    timestamp: GENESIS_TIMESTAMP,
    extraData: new Uint8Array(0),
    mixHash: new Uint8Array(32),
    nonce: new Uint8Array(8),
    baseFeePerGas: INITIAL_BASE_FEE,
    ...fields,
  }
}

/** A tree of headers with what engines look up in it; stands in for the chain. */
export class HeaderChain {
  readonly genesis: Candidate
  readonly chainId: bigint
  readonly #entries = new Map<Key, { readonly candidate: Candidate; readonly peaks: Peaks }>()

  constructor(genesis: Header, chainId = 1337n) {
    this.chainId = chainId
    this.genesis = this.#store(genesis, NO_PEAKS, 0n)
  }

  #store(header: Header, before: Peaks, totalBefore: bigint): Candidate {
    const hash = headerHash(header)
    const candidate = { hash, header, totalDifficulty: totalBefore + header.difficulty }
    this.#entries.set(toKey(hash), { candidate, peaks: appendLeaf(before, historyLeaf(hash, header)).peaks })
    return candidate
  }

  #entry(hash: Uint8Array) {
    const entry = this.#entries.get(toKey(hash))
    if (entry === undefined) throw new Error('no such header')
    return entry
  }

  /** Keeps a header, verified or not. */
  add(header: Header): Candidate {
    const { candidate, peaks } = this.#entry(header.parentHash)
    return this.#store(header, peaks, candidate.totalDifficulty)
  }

  /** For a child of the header with hash `parentHash`. */
  ancestry(parentHash: Uint8Array): Ancestry {
    return {
      header: (hash) => this.#entries.get(toKey(hash))?.candidate.header,
      historyRoot: () => historyCommitment(this.chainId, this.#entry(parentHash).peaks),
    }
  }

  /** An unsealed child of `parent`. */
  prepare(engine: Engine, parent: Candidate, timestamp: number, fields: Partial<Header> = {}): Header {
    const { hash, header } = parent
    return headerWith({
      parentHash: hash,
      number: header.number + 1,
      timestamp,
      miner: engine.requiredMiner ?? new Uint8Array(20).fill(0xaa),
      ...engine.prepare(header, timestamp, this.ancestry(hash)),
      ...fields,
    })
  }

  /** A sealed child of `parent`, not kept. */
  async seal(engine: Engine, parent: Candidate, timestamp: number, fields: Partial<Header> = {}): Promise<Header> {
    const prepared = this.prepare(engine, parent, timestamp, fields)
    const { signal } = new AbortController()
    const sealed = await engine.seal(prepared, parent.header, this.ancestry(parent.hash), signal)
    if (sealed === undefined) throw new Error('engine did not seal')
    return sealed
  }

  async extend(engine: Engine, parent: Candidate, timestamp: number, fields: Partial<Header> = {}): Promise<Candidate> {
    return this.add(await this.seal(engine, parent, timestamp, fields))
  }

  /** @throws BlockError */
  verify(engine: Engine, header: Header): void {
    const parent = this.#entry(header.parentHash).candidate.header
    engine.verifyHeader(hashHeader(header), parent, this.ancestry(header.parentHash))
  }
}
