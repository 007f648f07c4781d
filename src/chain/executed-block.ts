import type { Block } from '../primitives/block.ts'
import type { Receipt } from '../primitives/receipt.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'

/** A block with what executing it established. */
export interface ExecutedBlock {
  readonly block: Block
  readonly transactions: readonly RecoveredTransaction[]
  readonly receipts: readonly Receipt[]
}
