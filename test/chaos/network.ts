import { type Genesis, parseGenesis } from '../../src/chain/genesis.ts'
import { privateKeyToAddress } from '../../src/crypto/noble.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { TEST_CHAIN_ID, testKey } from '../support/transactions.ts'

/** Accounts that send and receive; fresh ones come beside them. */
export const SENDERS = 8

export function senderKey(index: number): Uint8Array {
  return testKey(index + 1)
}

export function senderAddress(index: number): Uint8Array {
  return privateKeyToAddress(senderKey(index))
}

/** Proof of work of a few hashes a block, whatever the time between them. */
export function chaosGenesisJson(): unknown {
  const balances = Array.from({ length: SENDERS }, (_, i) => [toHex(senderAddress(i)), { balance: `${10n ** 24n}` }])
  return {
    config: { chainId: Number(TEST_CHAIN_ID), idobata: { engine: 'pow', spacing: 1, halfLife: 4_000_000_000 } },
    difficulty: 16,
    gasLimit: 30_000_000,
    timestamp: 1_700_000_000,
    extraData: `0x${'00'.repeat(32)}`,
    alloc: {
      ...Object.fromEntries(balances),
      [`0x${'c0'.repeat(20)}`]: { balance: '5', code: '0x6042', storage: { '0x07': '0x2a' } },
    },
  }
}

export function chaosGenesis(): Genesis {
  return parseGenesis(chaosGenesisJson())
}

/** So little that the state on disk moves with nearly every block. */
export const TINY_STATE = { layers: 6, unflushedChanges: 40, undoBlocks: 32, stateCacheBytes: 4096 } as const
