import { join } from 'node:path'
import { parseGenesis } from '../../src/chain/genesis.ts'
import { createPow } from '../../src/consensus/pow.ts'
import { transactionHash } from '../../src/crypto/hashes.ts'
import { exportBlocks } from '../../src/node/block-export.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { makeBlock } from '../support/block-maker.ts'
import { sequentialNonceSearch } from '../support/sequential-nonce-search.ts'
import { openTestChain } from '../support/test-chain.ts'
import { signedTransfer } from '../support/transactions.ts'
import { HOSTILE_CHAIN_ID, HOSTILE_POW, hostileGenesis } from './hostile-genesis.ts'

const TRANSFERS_EVERY_BLOCKS = 20
const TRANSFERS = 20

export interface LongChain {
  readonly file: string
  readonly blocks: readonly string[]
  readonly transactions: readonly string[]
  /** Of the account that sent them. */
  readonly nonce: bigint
  readonly genesisStateRoot: Uint8Array
  remove(): Promise<void>
}

/** A chain long enough for its proofs to be work, as a file. */
export async function mineChain(length: number): Promise<LongChain> {
  const engine = createPow(HOSTILE_POW, { nonceSearch: sequentialNonceSearch })
  const { chain, directory, remove } = await openTestChain({ genesis: parseGenesis(hostileGenesis()) }, engine)
  const blocks = [toHex(chain.head.hash)]
  const genesisStateRoot = chain.head.header.stateRoot
  const transactions: string[] = []
  const { privateKey } = devAccounts()[0]!
  let nonce = 0n
  for (let number = 1; number <= length; number++) {
    const count = number % TRANSFERS_EVERY_BLOCKS === 0 ? TRANSFERS : 0
    const fields = { chainId: BigInt(HOSTILE_CHAIN_ID), maxFeePerGas: 10_000_000_000n }
    const transfers = Array.from({ length: count }, () => signedTransfer({ ...fields, nonce: nonce++ }, privateKey))
    const seconds = Number(HOSTILE_POW.spacingSec)
    await chain.import(await makeBlock(chain, engine, chain.head, { transactions: transfers, seconds }))
    blocks.push(toHex(chain.head.hash))
    transactions.push(...transfers.map((tx) => toHex(transactionHash(tx))))
  }
  const file = join(directory, 'blocks.rlp')
  await exportBlocks(chain, file, { first: 0, last: length }, () => undefined)
  return { file, blocks, transactions, nonce, genesisStateRoot, remove }
}
