import type { Engine } from '../consensus/engine.ts'
import { logsBloom } from '../crypto/hashes.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { fromKey, type Key, toKey } from '../primitives/bytes.ts'
import { BlockError, TxError } from '../primitives/errors.ts'
import type { Header } from '../primitives/header.ts'
import { encodeReceipt, type Receipt } from '../primitives/receipt.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import type { Derived, Layer } from '../state/layer.ts'
import type { State } from '../state/state.ts'
import { orderedRoot } from '../trie/ordered.ts'
import type { Pacer } from '../trie/update.ts'
import { type AccountStep, toSteps } from './account-journal.ts'
import { type CreateExecution, type Execution, touchedKeys } from './execution.ts'

/** What executing a block established. */
export interface Outcome {
  readonly derived: Derived
  readonly receipts: readonly Receipt[]
  readonly steps: readonly AccountStep[]
}

/** The header fields of a block that follow from executing its transactions. */
export interface ExecutionFields {
  readonly stateRoot: Uint8Array
  readonly receiptsRoot: Uint8Array
  readonly logsBloom: Uint8Array
  readonly gasUsed: bigint
}

export interface BlockExecutorComponents {
  readonly state: State
  readonly engine: Engine
  readonly createExecution: CreateExecution
  readonly pacer: Pacer
}

/** Transactions between two looks at the clock, about a millisecond. */
const PACED_TRANSACTIONS = 128

/** Runs blocks against states. Holds nothing between two blocks. */
export class BlockExecutor {
  readonly #components: BlockExecutorComponents

  constructor(components: BlockExecutorComponents) {
    this.#components = components
  }

  /**
   * Executes a block on its parent's state and checks all that its header says about the result.
   * @throws BlockError; StoreError, StateUnavailableError. Lets other work of the thread run in between.
   */
  async execute(header: Header, transactions: readonly RecoveredTransaction[], parent: Layer): Promise<Outcome> {
    const { execution, minerKey } = this.#begin(header, parent)
    await this.#components.state.load(parent, touchedKeys(transactions, minerKey))
    const receipts: Receipt[] = []
    for (let index = 0; index < transactions.length; index++) {
      try {
        receipts.push(execution.apply(transactions[index]!))
      } catch (error) {
        if (!(error instanceof TxError)) throw error
        throw new BlockError('bad-transaction', { ...error.facts, index, tx: error.code })
      }
      if (index % PACED_TRANSACTIONS === 0) await this.#components.pacer.pause()
    }
    if (execution.gasUsed !== header.gasUsed) {
      throw new BlockError('bad-gas-used', { gasUsed: header.gasUsed, expected: execution.gasUsed })
    }
    const outcome = await this.#finish(execution, header, receipts, parent)
    const { fields } = outcome
    if (toKey(fields.receiptsRoot) !== toKey(header.receiptsRoot)) throw new BlockError('bad-receipts-root')
    if (toKey(fields.logsBloom) !== toKey(header.logsBloom)) throw new BlockError('bad-logs-bloom')
    if (toKey(fields.stateRoot) !== toKey(header.stateRoot)) throw new BlockError('bad-state-root')
    return outcome
  }

  /**
   * Runs what `next` offers on a state, leaving out what does not apply there.
   * @param header  a header whose `miner`, `baseFeePerGas`, `gasLimit`, `number` and `timestamp` are final.
   */
  async build(header: Header, parent: Layer, offers: TransactionOffers): Promise<BuiltOutcome> {
    const { execution, minerKey } = this.#begin(header, parent)
    await this.#components.state.load(parent, [minerKey])
    const transactions: RecoveredTransaction[] = []
    const receipts: Receipt[] = []
    for (;;) {
      const offered = offers.next(header.gasLimit - execution.gasUsed)
      if (offered.length === 0) break
      await this.#components.state.load(parent, touchedKeys(offered, minerKey))
      for (const transaction of offered) {
        try {
          receipts.push(execution.apply(transaction))
          transactions.push(transaction)
          offers.taken(transaction)
        } catch (error) {
          if (!(error instanceof TxError)) throw error
          offers.refused(transaction, error)
        }
      }
      await this.#components.pacer.pause()
    }
    return { transactions, ...(await this.#finish(execution, header, receipts, parent)) }
  }

  #begin(header: Header, parent: Layer): { execution: Execution; minerKey: Key } {
    const { state, createExecution } = this.#components
    const minerKey = keccak256Key(header.miner)
    const { baseFeePerGas, gasLimit } = header
    const view = { account: (key: Key) => state.account(parent, key) }
    return { execution: createExecution(view, { baseFeePerGas, gasLimit, minerKey }), minerKey }
  }

  async #finish(execution: Execution, header: Header, receipts: readonly Receipt[], parent: Layer) {
    const { state, engine, pacer } = this.#components
    const steps = toSteps(execution.finish(engine.reward(header)))
    await pacer.pause()
    const blooms = receipts.map(({ logs }) => logsBloom(logs))
    const receiptsRoot = fromKey(orderedRoot(receipts.map((receipt, i) => encodeReceipt(receipt, blooms[i]!))))
    await pacer.pause()
    const derived = await state.derive(
      parent,
      steps.map(({ key, after }) => ({ key, value: after })),
    )
    const fields: ExecutionFields = {
      stateRoot: fromKey(derived.stateRoot),
      receiptsRoot,
      logsBloom: joinBlooms(blooms),
      gasUsed: execution.gasUsed,
    }
    return { derived, receipts, steps, fields }
  }
}

/** A source of transactions for `build`. */
export interface TransactionOffers {
  /** The next ones to try, best first; none when nothing more fits into `gasLeft`. */
  next(gasLeft: bigint): readonly RecoveredTransaction[]
  taken(transaction: RecoveredTransaction): void
  refused(transaction: RecoveredTransaction, reason: TxError): void
}

export interface BuiltOutcome extends Outcome {
  readonly transactions: readonly RecoveredTransaction[]
  readonly fields: ExecutionFields
}

function joinBlooms(blooms: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(256)
  for (const bloom of new Set(blooms)) for (let i = 0; i < 256; i++) joined[i] = joined[i]! | bloom[i]!
  return joined
}
