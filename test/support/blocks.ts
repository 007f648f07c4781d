import { EMPTY_TRIE_ROOT } from '../../src/primitives/account.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../../src/primitives/header.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'

/** A header of the right shape that follows no chain, with `changes`. */
export function sampleHeader(changes: Partial<Header> = {}): Header {
  return {
    parentHash: new Uint8Array(32).fill(1),
    ommersHash: EMPTY_OMMERS_HASH,
    miner: new Uint8Array(20).fill(2),
    stateRoot: new Uint8Array(32).fill(3),
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: EMPTY_BLOOM,
    difficulty: 131_072n,
    number: 7,
    gasLimit: 30_000_000n,
    gasUsed: 21_000n,
    timestamp: 1_700_000_000,
    extraData: new Uint8Array(32).fill(4),
    mixHash: new Uint8Array(32).fill(5),
    nonce: new Uint8Array(8).fill(6),
    baseFeePerGas: 1_000_000_000n,
    ...changes,
  }
}
