import { keccak256 } from '../crypto/keccak.ts'
import { assert } from '../primitives/assert.ts'
import { bytesToBigint, concatBytes, equalBytes } from '../primitives/bytes.ts'
import { BlockError } from '../primitives/errors.ts'
import { type Header, headerFields } from '../primitives/header.ts'
import { MAX_FUTURE_SECONDS } from '../primitives/limits.ts'
import { encodeRlp } from '../primitives/rlp.ts'
import { parentOf } from './ancestry.ts'
import { relativeDifficulty, targetOf } from './asert.ts'
import type { Ancestry, Engine } from './engine.ts'

export interface PowParams {
  /** Floor of the difficulty, and that of blocks 1 and 2; at least 1. */
  readonly genesisDifficulty: bigint
  /** Seconds between blocks that the difficulty steers towards. */
  readonly spacingSec: bigint
  /** Seconds of lateness after which the difficulty has halved. */
  readonly halfLifeSec: bigint
  /** Wei minted to the miner of each block. */
  readonly rewardWei: bigint
  /** Blocks on top of one that is shown as `safe`, as `finalized`: labels for wallets, not promises. */
  readonly safeDepth: number
  readonly finalizedDepth: number
}

/** Finds the nonce of a header; `miner/nonce-search.ts` does so in worker threads. */
export interface NonceSearch {
  /**
   * @param sealHash  32 bytes.
   * @param target    greatest value that keccak256(sealHash ‖ nonce) may have.
   * @returns 8 bytes; undefined once `signal` aborts.
   */
  search(sealHash: Uint8Array, target: bigint, signal: AbortSignal): Promise<Uint8Array | undefined>
}

export interface PowComponents {
  /** Absent on a node that does not mine: `seal` then answers undefined. */
  readonly nonceSearch?: NonceSearch
}

const EXTRA_DATA_BYTES = 32
const NO_MIX_HASH = new Uint8Array(32)
const NO_NONCE = new Uint8Array(8)
/** Places of mixHash and nonce among the 16 header fields. */
const SEAL_START = 13
const SEAL_LENGTH = 2

/** What a nonce is searched for: keccak256 of the header's RLP without mixHash and nonce. */
export function sealHash(header: Header): Uint8Array {
  return keccak256(encodeRlp(headerFields(header).toSpliced(SEAL_START, SEAL_LENGTH)))
}

/** keccak256(sealHash ‖ nonce): `mixHash` of a sealed header, and the proof of its work. */
export function powHash(sealHash: Uint8Array, nonce: Uint8Array): Uint8Array {
  return keccak256(concatBytes(sealHash, nonce))
}

/** Whether a header's nonce proves the work that its `difficulty`, at least 1, stands for. Cost: two hashes. */
export function hasWork(header: Header): boolean {
  const hash = powHash(sealHash(header), header.nonce)
  return equalBytes(hash, header.mixHash) && bytesToBigint(hash) <= targetOf(header.difficulty)
}

/** Proof of work by keccak256, difficulty by relative aserti3-2d: docs/protocol.md, "Consensus: pow". */
export function createPow(params: PowParams, { nonceSearch }: PowComponents): Engine {
  assert(params.genesisDifficulty > 0n, 'the genesis difficulty is at least 1')
  assert(params.safeDepth <= params.finalizedDepth, 'a finalized block is at least as deep as a safe one')

  /** Cost: one look-up, of a header that was the parent a moment ago. */
  function childDifficulty(parent: Header, ancestry: Ancestry): bigint {
    if (parent.number < 2) return params.genesisDifficulty
    return relativeDifficulty(parent, parentOf(parent, ancestry).header, params)
  }

  return {
    name: 'pow',
    maxFutureSeconds: MAX_FUTURE_SECONDS,
    sealsEmptyBlocks: true,
    requiredMiner: undefined,
    reorgsFinal: true,
    commitsToHistory: true,

    verifyHeader({ header }, parent, ancestry) {
      if (header.extraData.length !== EXTRA_DATA_BYTES) {
        throw new BlockError('bad-extra-data', { sizeBytes: header.extraData.length, expected: EXTRA_DATA_BYTES })
      }
      // The difficulty first: until it is known to be the right one, a seal proves no work.
      const expected = childDifficulty(parent, ancestry)
      if (header.difficulty !== expected) {
        throw new BlockError('bad-difficulty', { difficulty: header.difficulty, expected })
      }
      if (!hasWork(header)) throw new BlockError('bad-seal')
      // Last: finding a side branch's range may read the store, and from here on every trial costs a block's work.
      if (!equalBytes(header.extraData, ancestry.historyRoot())) throw new BlockError('bad-history-root')
    },

    earliestTimestamp: (parent) => parent.timestamp + 1,

    prepare: (parent, _timestamp, ancestry) => ({
      difficulty: childDifficulty(parent, ancestry),
      extraData: ancestry.historyRoot(),
      mixHash: NO_MIX_HASH,
      nonce: NO_NONCE,
    }),

    async seal(header, _parent, _ancestry, signal) {
      if (nonceSearch === undefined || signal.aborted) return undefined
      const hash = sealHash(header)
      const nonce = await nonceSearch.search(hash, targetOf(header.difficulty), signal)
      return nonce && { ...header, mixHash: powHash(hash, nonce), nonce }
    },

    reward: () => params.rewardWei,
    weight: (header) => header.difficulty,
    winsTie: () => false,
    finality: ({ number }) => ({
      safe: Math.max(0, number - params.safeDepth),
      finalized: Math.max(0, number - params.finalizedDepth),
    }),
  }
}
