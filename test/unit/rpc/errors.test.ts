import {
  FeeCapTooLowError,
  InsufficientFundsError,
  IntrinsicGasTooLowError,
  NonceMaxValueError,
  NonceTooHighError,
  NonceTooLowError,
  TipAboveFeeCapError,
} from 'viem'
import { describe, expect, test } from 'vitest'
import {
  BlockError,
  DecodeError,
  type Facts,
  StateUnavailableError,
  StoreError,
  TxError,
  type TxErrorCode,
} from '../../../src/primitives/errors.ts'
import { RpcError, toRpcError } from '../../../src/rpc/errors.ts'

function told(code: TxErrorCode, facts: Facts = {}): string {
  const error = toRpcError(new TxError(code, facts))
  expect(error?.code).toBe(-32000)
  return error!.message
}

describe('a refused transaction', () => {
  test('is told in the words that wallets match on, with its figures', () => {
    expect(told('already-known')).toBe('already known')
    expect(told('nonce-too-low', { nonce: 3n, expected: 5n })).toBe('nonce too low: next nonce 5, tx nonce 3')
    expect(told('insufficient-funds', { balance: 10n, cost: 25n, overshot: 15n })).toBe(
      'insufficient funds for gas * price + value: balance 10, tx cost 25, overshot 15',
    )
    const queued = { balance: 10n, cost: 7n, overshot: 2n, queuedCost: 5n }
    expect(told('insufficient-funds', { ...queued, replacement: 0 })).toBe(
      'insufficient funds for gas * price + value: balance 10, queued cost 5, tx cost 7, overshot 2',
    )
    expect(told('insufficient-funds', { ...queued, replacement: 1 })).toBe(
      'insufficient funds for gas * price + value: balance 10, queued cost 5, tx bumped 7, overshot 2',
    )
    expect(told('replacement-underpriced')).toBe('replacement transaction underpriced')
    expect(told('tip-below-floor', { tip: 1n, floor: 2n })).toMatch(/^transaction underpriced/)
    expect(told('intrinsic-gas', { gasLimit: 1n, needed: 2n })).toBe('intrinsic gas too low: gas 1, minimum needed 2')
    expect(told('gas-above-block', { gasLimit: 2n, available: 1n })).toMatch(/^exceeds block gas limit/)
    expect(told('tip-above-fee-cap')).toMatch(/^max priority fee per gas higher than max fee per gas/)
    expect(told('fee-below-base-fee')).toMatch(/^max fee per gas less than block base fee/)
    expect(told('invalid-signature')).toMatch(/^invalid sender/)
    expect(told('wrong-chain-id', { chainId: 1n, expected: 2n })).toMatch(/^invalid sender: .*have 1 want 2$/)
    expect(told('oversized', { sizeBytes: 2, limitBytes: 1 })).toMatch(/^oversized data/)
    expect(told('type-not-supported', { type: 3 })).toMatch(/^transaction type not supported/)
  })

  test('is recognised by viem', () => {
    expect(told('nonce-too-low')).toMatch(NonceTooLowError.nodeMessage)
    expect(told('already-known')).toMatch(NonceTooLowError.nodeMessage)
    expect(told('nonce-too-high')).toMatch(NonceTooHighError.nodeMessage)
    expect(told('nonce-max')).toMatch(NonceMaxValueError.nodeMessage)
    expect(told('insufficient-funds')).toMatch(InsufficientFundsError.nodeMessage)
    expect(told('gas-overflow')).toMatch(InsufficientFundsError.nodeMessage)
    expect(told('intrinsic-gas')).toMatch(IntrinsicGasTooLowError.nodeMessage)
    expect(told('fee-below-base-fee')).toMatch(FeeCapTooLowError.nodeMessage)
    expect(told('tip-above-fee-cap')).toMatch(TipAboveFeeCapError.nodeMessage)
  })
})

describe('other failures', () => {
  test('of input are told, and never as -32603', () => {
    expect(toRpcError(new DecodeError('RLP ends early'))).toMatchObject({
      code: -32602,
      message: expect.stringMatching('RLP ends early'),
    })
    expect(toRpcError(new StateUnavailableError())).toMatchObject({
      code: -32000,
      message: 'historical state not available',
    })
    expect(toRpcError(new BlockError('unknown-parent'))).toMatchObject({ code: -32000, message: 'unknown ancestor' })
    const own = new RpcError(-32005, 'limit exceeded')
    expect(toRpcError(own)).toBe(own)
  })

  test('of the node are not told', () => {
    expect(toRpcError(new StoreError('disk gone', 'replace it'))).toBeUndefined()
    expect(toRpcError(new TypeError('bug'))).toBeUndefined()
    expect(toRpcError('thrown string')).toBeUndefined()
  })
})
