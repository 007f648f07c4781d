import { equalBytes } from '../primitives/bytes.ts'
import { BlockError } from '../primitives/errors.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../primitives/header.ts'
import {
  BASE_FEE_CHANGE_DENOMINATOR,
  ELASTICITY_MULTIPLIER,
  GAS_LIMIT_BOUND_DIVISOR,
  MIN_GAS_LIMIT,
} from '../primitives/limits.ts'
import type { ChainParams } from './types.ts'

/**
 * Header rules that all networks share; the engine adds its own. Looks at two headers only.
 * @throws BlockError. Cost: a few bigint operations.
 */
export function checkHeader(header: Header, parent: Header, params: ChainParams): void {
  if (header.number !== parent.number + 1) {
    throw new BlockError('bad-number', { number: header.number, expected: parent.number + 1 })
  }
  if (header.timestamp <= parent.timestamp) {
    throw new BlockError('timestamp-not-after-parent', {
      timestamp: header.timestamp,
      parentTimestamp: parent.timestamp,
    })
  }
  if (!equalBytes(header.ommersHash, EMPTY_OMMERS_HASH)) throw new BlockError('bad-ommers')
  if (!isGasLimitReachable(header.gasLimit, parent.gasLimit) || header.gasLimit > params.maxGasLimit) {
    throw new BlockError('gas-limit-out-of-bounds', { gasLimit: header.gasLimit, parentGasLimit: parent.gasLimit })
  }
  if (header.gasUsed > header.gasLimit) {
    throw new BlockError('gas-used-above-limit', { gasUsed: header.gasUsed, gasLimit: header.gasLimit })
  }
  const expected = nextBaseFee(parent)
  if (header.baseFeePerGas !== expected) {
    throw new BlockError('bad-base-fee', { baseFeePerGas: header.baseFeePerGas, expected })
  }
}

function isGasLimitReachable(gasLimit: bigint, parentGasLimit: bigint): boolean {
  const step = parentGasLimit / GAS_LIMIT_BOUND_DIVISOR
  return gasLimit > parentGasLimit - step && gasLimit < parentGasLimit + step && gasLimit >= MIN_GAS_LIMIT
}

/** The gas limit nearest to the target that a child of `parent` may have. */
export function nextGasLimit(parent: Header, params: ChainParams): bigint {
  const target = params.gasLimitTarget < params.maxGasLimit ? params.gasLimitTarget : params.maxGasLimit
  const step = parent.gasLimit / GAS_LIMIT_BOUND_DIVISOR - 1n
  if (step <= 0n) return parent.gasLimit
  if (target > parent.gasLimit) return target < parent.gasLimit + step ? target : parent.gasLimit + step
  const lowest = parent.gasLimit - step > MIN_GAS_LIMIT ? parent.gasLimit - step : MIN_GAS_LIMIT
  return target > lowest ? target : lowest
}

/** Wei per gas that a child of `parent` burns. Source: EIP-1559. */
export function nextBaseFee(parent: Header): bigint {
  const target = parent.gasLimit / ELASTICITY_MULTIPLIER
  const { gasUsed, baseFeePerGas } = parent
  if (gasUsed === target) return baseFeePerGas
  const distance = gasUsed > target ? gasUsed - target : target - gasUsed
  const change = (baseFeePerGas * distance) / target / BASE_FEE_CHANGE_DENOMINATOR
  if (gasUsed < target) return baseFeePerGas - change
  return baseFeePerGas + (change > 0n ? change : 1n)
}
