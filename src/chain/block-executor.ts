import type { Engine } from '../consensus/engine.ts'
import { logsBloom } from '../crypto/hashes.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { equalBytes, fromKey, type Key } from '../primitives/bytes.ts'
import { BlockError, TxError } from '../primitives/errors.ts'
import type { Header } from '../primitives/header.ts'
import { EMPTY_BLOOM, type Receipt, receiptLength, writeReceipt } from '../primitives/receipt.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { encodeAccountValue } from '../state/account-value.ts'
import type { Derived, Layer } from '../state/layer.ts'
import type { State } from '../state/state.ts'
import type { ValueCodec } from '../trie/node.ts'
import { orderedRoot } from '../trie/ordered.ts'
import type { Pacer } from '../trie/update.ts'
import type { AccountStep } from './account-journal.ts'
import type { CreateExecution, Execution } from './execution.ts'
import { TouchedAccounts } from './touched-accounts.ts'

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
/** Accounts likewise. */
const PACED_ACCOUNTS = 1024

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
    const minerKey = keccak256Key(header.miner)
    const accounts = this.#accountsFor(header, minerKey, parent)
    const places = accounts.placeAll(transactions)
    await accounts.load()
    const execution = this.#components.createExecution(accounts, { ...header, minerKey })
    const receipts: Receipt[] = []
    for (let index = 0; index < transactions.length; index++) {
      try {
        receipts.push(execution.apply(transactions[index]!, places[2 * index]!, places[2 * index + 1]!))
      } catch (error) {
        if (!(error instanceof TxError)) throw error
        throw new BlockError('bad-transaction', { ...error.facts, index, tx: error.code })
      }
      if (index % PACED_TRANSACTIONS === 0) await this.#components.pacer.pause()
    }
    if (execution.gasUsed !== header.gasUsed) {
      throw new BlockError('bad-gas-used', { gasUsed: header.gasUsed, expected: execution.gasUsed })
    }
    const outcome = await this.#finish(execution, header, receipts, accounts)
    try {
      checkFields(outcome.fields, header)
    } catch (error) {
      this.#components.state.discard(outcome.derived)
      throw error
    }
    return outcome
  }

  /**
   * Runs what `next` offers on a state, leaving out what does not apply there.
   * @param header  a header whose `miner`, `baseFeePerGas`, `gasLimit`, `number`, `timestamp` and `extraData`, but for a seal, are final.
   */
  async build(header: Header, parent: Layer, offers: TransactionOffers): Promise<BuiltOutcome> {
    const minerKey = keccak256Key(header.miner)
    const accounts = this.#accountsFor(header, minerKey, parent)
    await accounts.load()
    const execution = this.#components.createExecution(accounts, { ...header, minerKey })
    const transactions: RecoveredTransaction[] = []
    const receipts: Receipt[] = []
    for (;;) {
      const offered = offers.next(header.gasLimit - execution.gasUsed)
      if (offered.length === 0) break
      const places = accounts.placeAll(offered)
      await accounts.load()
      for (const [i, transaction] of offered.entries()) {
        try {
          receipts.push(execution.apply(transaction, places[2 * i]!, places[2 * i + 1]!))
          transactions.push(transaction)
          offers.taken(transaction)
        } catch (error) {
          if (!(error instanceof TxError)) throw error
          offers.refused(transaction, error)
        }
      }
      await this.#components.pacer.pause()
    }
    const { derived, fields } = await this.#finish(execution, header, receipts, accounts)
    this.#components.state.discard(derived)
    return { transactions, receipts, fields }
  }

  /** With the places of what a block touches besides its transactions. */
  #accountsFor(header: Header, minerKey: Key, parent: Layer): TouchedAccounts {
    const accounts = new TouchedAccounts(this.#components.state, parent)
    accounts.place(minerKey)
    const override = this.#components.engine.override?.(header)
    if (override !== undefined) accounts.place(keccak256Key(override.address))
    return accounts
  }

  async #finish(execution: Execution, header: Header, receipts: readonly Receipt[], accounts: TouchedAccounts) {
    const { state, engine, pacer } = this.#components
    const diffs = execution.finish(engine.reward(header), engine.override?.(header))
    await pacer.pause()
    const steps: AccountStep[] = []
    for (const { place, after } of diffs) {
      steps.push({
        key: accounts.keys[place]!,
        before: accounts.values[place],
        after: after === undefined ? undefined : encodeAccountValue(after),
      })
      if (steps.length % PACED_ACCOUNTS === 0) await pacer.pause()
    }
    const root = fromKey(await receiptsRoot(receipts, pacer))
    const derived = await state.derive(
      accounts.layer,
      steps.map(({ key, after }) => ({ key, value: after })),
    )
    const fields: ExecutionFields = {
      stateRoot: fromKey(derived.stateRoot),
      receiptsRoot: root,
      logsBloom: joinBlooms(receipts),
      gasUsed: execution.gasUsed,
    }
    return { derived, receipts, steps, fields }
  }
}

/** @throws BlockError where the header says otherwise. */
function checkFields(fields: ExecutionFields, header: Header): void {
  if (!equalBytes(fields.receiptsRoot, header.receiptsRoot)) throw new BlockError('bad-receipts-root')
  if (!equalBytes(fields.logsBloom, header.logsBloom)) throw new BlockError('bad-logs-bloom')
  if (!equalBytes(fields.stateRoot, header.stateRoot)) throw new BlockError('bad-state-root')
}

/** A source of transactions for `build`. */
export interface TransactionOffers {
  /** The next ones to try, best first; none when nothing more fits into `gasLeft`. */
  next(gasLeft: bigint): readonly RecoveredTransaction[]
  taken(transaction: RecoveredTransaction): void
  refused(transaction: RecoveredTransaction, reason: TxError): void
}

/** What a block that is not sealed yet would do. */
export interface BuiltOutcome {
  readonly transactions: readonly RecoveredTransaction[]
  readonly receipts: readonly Receipt[]
  readonly fields: ExecutionFields
}

/** What `receiptsRoot` in the header of a block with these receipts must be: 32 bytes in a Key. */
export function receiptsRoot(receipts: readonly Receipt[], pacer: Pacer): Promise<Key> {
  return orderedRoot(receipts, receiptCodec, pacer)
}

const receiptCodec: ValueCodec<Receipt> = {
  length: receiptLength,
  write: (target, offset, receipt) => writeReceipt(target, offset, receipt, logsBloom(receipt.logs)),
}

function joinBlooms(receipts: readonly Receipt[]): Uint8Array {
  const joined = EMPTY_BLOOM.slice()
  for (const { logs } of receipts) {
    if (logs.length === 0) continue
    const bloom = logsBloom(logs)
    for (let i = 0; i < 256; i++) joined[i] = joined[i]! | bloom[i]!
  }
  return joined
}
