import { nextBaseFee } from '../../src/chain/header-rules.ts'
import {
  appendLeaf,
  type HistoryNode,
  historyCommitment,
  historyLeaf,
  NO_PEAKS,
  type Peaks,
} from '../../src/chain/history.ts'
import { relativeDifficulty, targetOf } from '../../src/consensus/asert.ts'
import { type PowParams, powHash, sealHash } from '../../src/consensus/pow.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import type { ProverSource } from '../../src/light/prover.ts'
import { bytesToBigint, uint64ToBytes } from '../../src/primitives/bytes.ts'
import type { HashedHeader, Header } from '../../src/primitives/header.ts'
import { GENESIS_TIMESTAMP, headerWith } from './header-chain.ts'

export const MINED_CHAIN_ID = 4242n

export const MINED_PARAMS: PowParams = {
  genesisDifficulty: 8n,
  spacingSec: 10n,
  halfLifeSec: 2_880n,
  rewardWei: 0n,
  safeDepth: 12,
  finalizedDepth: 64,
}

/** How a block departs from the rules; what it commits to follows from what it then is. */
export interface Forgery {
  readonly difficulty?: bigint
  /** No nonce is searched: almost certainly too little work. */
  readonly unmined?: boolean
  readonly fields?: Partial<Header>
}

/** A chain of headers alone with real, low proof of work and its history range, as honest and dishonest miners make it. */
export class MinedChain implements ProverSource {
  readonly headers: HashedHeader[]
  readonly #nodes: Map<number, HistoryNode>
  /** Over all headers but the tip. */
  #peaks: Peaks

  constructor(from?: { readonly chain: MinedChain; readonly upTo: number }) {
    this.#nodes = new Map()
    this.#peaks = NO_PEAKS
    const genesis = hashHeader(
      headerWith({
        difficulty: MINED_PARAMS.genesisDifficulty,
        timestamp: GENESIS_TIMESTAMP,
        extraData: new Uint8Array(32),
      }),
    )
    this.headers = from ? from.chain.headers.slice(0, from.upTo + 1) : [genesis]
    for (const { hash, header } of this.headers.slice(0, -1)) this.#append(historyLeaf(hash, header))
  }

  get tip(): HashedHeader {
    return this.headers.at(-1)!
  }

  get genesis(): HashedHeader {
    return this.headers[0]!
  }

  get totalDifficulty(): bigint {
    return this.headers.reduce((sum, { header }) => sum + header.difficulty, 0n)
  }

  readonly header = (number: number): HashedHeader => this.headers[number]!

  readonly historyNode = (height: number, index: number): HistoryNode => this.#nodes.get(position(height, index))!

  /** Mines a block `intervalSec` after the tip. */
  mine(intervalSec: number, { difficulty, unmined = false, fields = {} }: Forgery = {}): void {
    const { hash, header: parent } = this.tip
    this.#append(historyLeaf(hash, parent))
    const number = parent.number + 1
    const prepared = headerWith({
      parentHash: hash,
      number,
      timestamp: parent.timestamp + intervalSec,
      difficulty: difficulty ?? this.#nextDifficulty(parent),
      extraData: historyCommitment(MINED_CHAIN_ID, this.#peaks),
      baseFeePerGas: nextBaseFee(parent),
      ...fields,
    })
    this.headers.push(hashHeader(unmined ? prepared : sealed(prepared)))
  }

  #nextDifficulty(parent: Header): bigint {
    if (parent.number < 2) return MINED_PARAMS.genesisDifficulty
    return relativeDifficulty(parent, this.header(parent.number - 1).header, MINED_PARAMS)
  }

  #append(leaf: HistoryNode): void {
    const { peaks, newNodes } = appendLeaf(this.#peaks, leaf)
    for (const { height, index, node } of newNodes) this.#nodes.set(position(height, index), node)
    this.#peaks = peaks
  }
}

function position(height: number, index: number): number {
  return height * 2 ** 40 + index
}

function sealed(header: Header): Header {
  const hash = sealHash(header)
  const target = targetOf(header.difficulty)
  for (let count = 0; ; count++) {
    const nonce = uint64ToBytes(count)
    const mixHash = powHash(hash, nonce)
    if (bytesToBigint(mixHash) <= target) return { ...header, mixHash, nonce }
  }
}
