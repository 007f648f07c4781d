import type { Engine } from '../../src/consensus/engine.ts'
import { equalBytes } from '../../src/primitives/bytes.ts'
import { BlockError } from '../../src/primitives/errors.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../../src/primitives/header.ts'

const MIN_DIFFICULTY = 131_072n
const DIFFICULTY_BOUND_DIVISOR = 2_048n
const BOMB_DELAY = 9_700_000
const BOMB_PERIOD = 100_000
const MAX_EXTRA_DATA_BYTES = 32

/** EIP-100 with the bomb of EIP-3554. */
export function londonDifficulty(parent: Header, timestamp: number): bigint {
  const ommersTerm = equalBytes(parent.ommersHash, EMPTY_OMMERS_HASH) ? 1 : 2
  const factor = Math.max(ommersTerm - Math.floor((timestamp - parent.timestamp) / 9), -99)
  const adjusted = parent.difficulty + (parent.difficulty / DIFFICULTY_BOUND_DIVISOR) * BigInt(factor)
  const bounded = adjusted < MIN_DIFFICULTY ? MIN_DIFFICULTY : adjusted
  const periods = Math.floor(Math.max(0, parent.number + 1 - BOMB_DELAY) / BOMB_PERIOD)
  return periods > 1 ? bounded + 2n ** BigInt(periods - 2) : bounded
}

/**
 * Ethereum's own rules at London without the seal, so that suites written for other clients can judge this chain. Uses
 * nothing but the Engine interface: engines can be written from outside.
 */
export const londonEngine: Engine = {
  name: 'london',
  maxFutureSeconds: 15,
  sealsEmptyBlocks: true,
  requiredMiner: undefined,
  reorgsFinal: true,
  commitsToHistory: false,

  verifyHeader({ header }, parent) {
    if (header.extraData.length > MAX_EXTRA_DATA_BYTES) {
      throw new BlockError('bad-extra-data', { sizeBytes: header.extraData.length, limitBytes: MAX_EXTRA_DATA_BYTES })
    }
    const expected = londonDifficulty(parent, header.timestamp)
    if (header.difficulty !== expected) {
      throw new BlockError('bad-difficulty', { difficulty: header.difficulty, expected })
    }
  },

  earliestTimestamp: (parent) => parent.timestamp + 1,
  prepare: (parent, timestamp) => ({
    difficulty: londonDifficulty(parent, timestamp),
    extraData: new Uint8Array(0),
    mixHash: new Uint8Array(32),
    nonce: new Uint8Array(8),
  }),
  seal: async (header, _parent, _ancestry, signal) => (signal.aborted ? undefined : header),
  reward: () => 2n * 10n ** 18n,
  weight: (header) => header.difficulty,
  winsTie: () => false,
  finality: ({ number }) => ({ safe: number, finalized: number }),
}
