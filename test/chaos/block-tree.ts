import { nextBaseFee } from '../../src/chain/header-rules.ts'
import type { Head } from '../../src/chain/types.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { loadRecovery } from '../../src/crypto/load-recovery.ts'
import { recoverTransaction } from '../../src/crypto/sender.ts'
import { createEngine } from '../../src/node/engine.ts'
import { systemClock } from '../../src/node/system.ts'
import { type Block, blockLength } from '../../src/primitives/block.ts'
import { equalBytes } from '../../src/primitives/bytes.ts'
import { EMPTY_OMMERS_HASH } from '../../src/primitives/header.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'
import type { RecoveredTransaction } from '../../src/primitives/transaction.ts'
import { sequentialNonceSearch } from '../support/sequential-nonce-search.ts'
import { openTestChain, type TestChain } from '../support/test-chain.ts'
import { signedTransfer } from '../support/transactions.ts'
import { chaosGenesis, SENDERS, senderAddress, senderKey } from './network.ts'
import type { Random } from './random.ts'

const recovery = await loadRecovery()

/** A chain that never crashed, with the blocks that made it, branches included, in the order in which they came. */
export interface BlockTree {
  readonly reference: TestChain
  readonly blocks: readonly Block[]
}

/** Grows a chain by stretches, each of which leaves the head some blocks below it and outgrows it: a reorg each time. */
export async function growBlockTree(random: Random, reorgs: number): Promise<BlockTree> {
  const engine = createEngine({ dev: false }, chaosGenesis(), {
    clock: systemClock,
    recoverSigner: () => undefined,
    onEvidence() {},
    nonceSearch: sequentialNonceSearch,
  })
  const reference = await openTestChain({ genesis: chaosGenesis(), layers: 1000 }, engine)
  const { chain } = reference
  const blocks: Block[] = []

  const extend = async (parent: Head): Promise<Head> => {
    const transactions = await transfersOn(parent)
    const ancestry = chain.ancestry(parent.hash)!
    const timestamp = parent.header.timestamp + random.integer(1, 3)
    const { block } = await chain.build(
      {
        ...engine.prepare(parent.header, timestamp, ancestry),
        parentHash: parent.hash,
        ommersHash: EMPTY_OMMERS_HASH,
        miner: senderAddress(random.integer(0, SENDERS - 1)),
        stateRoot: new Uint8Array(32),
        transactionsRoot: new Uint8Array(32),
        receiptsRoot: new Uint8Array(32),
        logsBloom: EMPTY_BLOOM,
        number: parent.header.number + 1,
        gasLimit: parent.header.gasLimit,
        gasUsed: 0n,
        timestamp,
        baseFeePerGas: nextBaseFee(parent.header),
      },
      offerOnce(transactions),
    )
    const header = (await engine.seal(block.header, parent.header, ancestry, new AbortController().signal))!
    const sealed = { ...block, ...hashHeader(header), sizeBytes: blockLength(header, block.body) }
    await chain.import(sealed)
    blocks.push(sealed)
    return chain.store.header(sealed.hash)!
  }

  const transfersOn = async ({ hash, header }: Head): Promise<RecoveredTransaction[]> => {
    const keys = Array.from({ length: SENDERS }, (_, i) => keccak256Key(senderAddress(i)))
    const nonces = (await chain.accounts(keys, hash)).map((account) => account?.nonce ?? 0n)
    return Array.from({ length: random.integer(0, 6) }, () => {
      const from = random.integer(0, SENDERS - 1)
      const fresh = new Uint8Array(20).map(() => random.integer(16, 255))
      const to = random.chance(0.5) ? fresh : senderAddress(random.integer(0, SENDERS - 1))
      const value = BigInt(random.integer(1, 1_000_000))
      const maxFeePerGas = 2n * nextBaseFee(header) + 1_000_000_000n
      const fields = { nonce: nonces[from]!++, to, value, maxFeePerGas }
      return recoverTransaction(recovery, signedTransfer(fields, senderKey(from)))
    })
  }

  let head = await extend(chain.head)
  for (let reorg = 0; reorg < reorgs; reorg++) {
    // Mostly within the layers held; sometimes below the state on disk, so that blocks have to be undone.
    const depth = Math.min(head.header.number - 1, random.chance(0.3) ? random.integer(7, 14) : random.integer(0, 5))
    let at = head
    for (let i = 0; i < depth; i++) at = chain.store.header(at.header.parentHash)!
    const ahead = random.integer(1, 6)
    for (let i = 0; i < depth + ahead; i++) at = await extend(at)
    head = at
  }
  if (!equalBytes(chain.head.hash, head.hash)) throw new Error('the last branch is not the heaviest')
  return { reference, blocks }
}

function offerOnce(transactions: readonly RecoveredTransaction[]) {
  let offered = false
  return {
    next: () => {
      if (offered) return []
      offered = true
      return transactions
    },
    taken() {},
    refused(_: RecoveredTransaction, reason: Error) {
      throw reason
    },
  }
}
