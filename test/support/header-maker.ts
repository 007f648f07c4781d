import { nextBaseFee } from '../../src/chain/header-rules.ts'
import { appendLeaf, historyCommitment, historyLeaf, type Peaks } from '../../src/chain/history.ts'
import type { Head } from '../../src/chain/types.ts'
import type { Engine } from '../../src/consensus/engine.ts'
import { createPow, type PowParams } from '../../src/consensus/pow.ts'
import { headerHash } from '../../src/crypto/hashes.ts'
import type { HashedHeader, Header } from '../../src/primitives/header.ts'
import { headerWith } from './header-chain.ts'
import { sealed } from './seal.ts'

/** Proof of work that costs a few hashes a block, a sixteenth more after each one that comes nine seconds early. */
export const CHEAP_POW: PowParams = {
  genesisDifficulty: 16n,
  spacingSec: 10n,
  halfLifeSec: 100n,
  rewardWei: 2n * 10n ** 18n,
  safeDepth: 12,
  finalizedDepth: 64,
}

/** Seals real headers of empty blocks one after the other, as fast as they can be verified, and keeps none. */
export class HeaderMaker {
  readonly #chainId: bigint
  readonly #engine: Engine
  #tip: Head
  #grandparent: Header | undefined
  #peaks: Peaks

  /** @param base  `peaks`: the history range up to and with it; `parent`: the header below. */
  constructor(
    base: Head & { readonly peaks: Peaks; readonly parent?: Header },
    { chainId, pow = CHEAP_POW }: { readonly chainId: bigint; readonly pow?: PowParams },
  ) {
    this.#tip = base
    this.#peaks = base.peaks
    this.#grandparent = base.parent
    this.#chainId = chainId
    this.#engine = createPow(pow, {})
  }

  get tip(): Head {
    return this.#tip
  }

  /** A child of the tip, which it becomes. */
  next(seconds = 10, changes: Partial<Header> = {}): HashedHeader {
    const { hash: parentHash, header: parent } = this.#tip
    const timestamp = parent.timestamp + seconds
    const prepared = this.#engine.prepare(parent, timestamp, {
      header: () => this.#grandparent,
      historyRoot: () => historyCommitment(this.#chainId, this.#peaks),
    })
    const header = sealed(
      headerWith({
        parentHash,
        number: parent.number + 1,
        timestamp,
        gasLimit: parent.gasLimit,
        baseFeePerGas: nextBaseFee(parent),
        ...prepared,
        ...changes,
      }),
    )
    const hash = headerHash(header)
    this.#grandparent = parent
    this.#peaks = appendLeaf(this.#peaks, historyLeaf(hash, header)).peaks
    this.#tip = { hash, header, totalDifficulty: this.#tip.totalDifficulty + header.difficulty }
    return this.#tip
  }
}
