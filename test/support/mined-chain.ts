import { nextBaseFee } from '../../src/chain/header-rules.ts'
import { relativeDifficulty } from '../../src/consensus/asert.ts'
import type { PowParams } from '../../src/consensus/pow.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import type { Header } from '../../src/primitives/header.ts'
import { GENESIS_TIMESTAMP, headerWith } from './header-chain.ts'
import { HeaderList } from './header-list.ts'
import { sealed } from './seal.ts'

export const MINED_CHAIN_ID = 4242n

export const MINED_PARAMS: PowParams = {
  genesisDifficulty: 8n,
  spacingSec: 10n,
  halfLifeSec: 2_880n,
  rewardWei: 0n,
  safeDepth: 12,
  finalizedDepth: 64,
}

const GENESIS = hashHeader(
  headerWith({
    difficulty: MINED_PARAMS.genesisDifficulty,
    timestamp: GENESIS_TIMESTAMP,
    extraData: new Uint8Array(32),
  }),
)

/** How a block departs from the rules; what it commits to follows from what it then is. */
export interface Forgery {
  readonly difficulty?: bigint
  /** No nonce is searched: almost certainly too little work. */
  readonly unmined?: boolean
  readonly fields?: Partial<Header>
}

/** A chain of headers alone with real, low proof of work and its history range, as honest and dishonest miners make it. */
export class MinedChain extends HeaderList {
  constructor(from?: { readonly chain: MinedChain; readonly upTo: number }) {
    super(from ? from.chain.headers.slice(0, from.upTo + 1) : [GENESIS])
  }

  /** Mines a block `intervalSec` after the tip. */
  mine(intervalSec: number, { difficulty, unmined = false, fields = {} }: Forgery = {}): void {
    const { hash, header: parent } = this.tip
    const prepared = headerWith({
      parentHash: hash,
      number: parent.number + 1,
      timestamp: parent.timestamp + intervalSec,
      difficulty: difficulty ?? this.#nextDifficulty(parent),
      extraData: this.commitment(MINED_CHAIN_ID),
      baseFeePerGas: nextBaseFee(parent),
      ...fields,
    })
    this.push(hashHeader(unmined ? prepared : sealed(prepared)))
  }

  #nextDifficulty(parent: Header): bigint {
    if (parent.number < 2) return MINED_PARAMS.genesisDifficulty
    return relativeDifficulty(parent, this.header(parent.number - 1).header, MINED_PARAMS)
  }
}
