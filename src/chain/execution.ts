import type { AccountOverride } from '../consensus/engine.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { type Account, EMPTY_ACCOUNT, hasCode, isEmptyAccount } from '../primitives/account.ts'
import type { Key } from '../primitives/bytes.ts'
import { TxError } from '../primitives/errors.ts'
import type { Receipt } from '../primitives/receipt.ts'
import { effectiveTip, intrinsicGas, type RecoveredTransaction } from '../primitives/transaction.ts'
import { checkLedgerRules } from './transaction-rules.ts'

/** What execution reads: accounts before the block, each at its place. All it asks for has been loaded. */
export interface AccountTable {
  /** @param key  keccak256 of the address. */
  place(key: Key): number
  /** Decoded anew at each call. */
  account(place: number): Account | undefined
}

/** What execution knows of the block it runs in. */
export interface BlockEnvironment {
  readonly baseFeePerGas: bigint
  readonly gasLimit: bigint
  /** keccak256 of the miner's address. */
  readonly minerKey: Key
}

/** What a block has made of an account; undefined: there is none. */
export interface AccountDiff {
  readonly place: number
  readonly after: Account | undefined
}

/**
 * Running a block's transactions. The chain knows no more of execution than this, so that another machine, one that runs
 * contract code, can take its place.
 */
export interface Execution {
  readonly gasUsed: bigint
  /** Runs one transaction on top of those before it. @throws TxError, and then nothing has changed. */
  apply(transaction: RecoveredTransaction, senderPlace: number, recipientPlace: number): Receipt
  /** Credits `reward` wei to the miner, then does what the block overrides, and tells what the block changed. */
  finish(reward: bigint, override?: AccountOverride): AccountDiff[]
}

export type CreateExecution = (accounts: AccountTable, environment: BlockEnvironment) => Execution

/** This ledger's machine: value moves, nothing runs. */
export const createTransferExecution: CreateExecution = (accounts, environment) =>
  new TransferExecution(accounts, environment)

interface Entry {
  readonly before: Account | undefined
  now: Account | undefined
  /** EIP-161's word: part of a transaction that went through, even if nothing changed. Reading alone does not count. */
  touched: boolean
}

class TransferExecution implements Execution {
  readonly #accounts: AccountTable
  readonly #environment: BlockEnvironment
  readonly #minerPlace: number
  /** By place; with holes where nothing was read. */
  readonly #entries: (Entry | undefined)[] = []
  #gasUsed = 0n
  /** Tips of all transactions, credited once at the end: nothing but the miner's own transactions reads them before. */
  #tips = 0n

  constructor(accounts: AccountTable, environment: BlockEnvironment) {
    this.#accounts = accounts
    this.#environment = environment
    this.#minerPlace = accounts.place(environment.minerKey)
  }

  get gasUsed(): bigint {
    return this.#gasUsed
  }

  apply(transaction: RecoveredTransaction, senderPlace: number, recipientPlace: number): Receipt {
    const { tx } = transaction
    const { baseFeePerGas, gasLimit } = this.#environment
    if (tx.gasLimit > gasLimit - this.#gasUsed) {
      throw new TxError('gas-above-block', { gasLimit: tx.gasLimit, available: gasLimit - this.#gasUsed })
    }
    if (tx.maxFeePerGas < baseFeePerGas) {
      throw new TxError('fee-below-base-fee', { maxFeePerGas: tx.maxFeePerGas, baseFeePerGas })
    }
    checkLedgerRules(tx)
    // The miner may spend what earlier transactions of this very block have paid it.
    if (senderPlace === this.#minerPlace && this.#tips > 0n) this.#creditTips()
    const senderEntry = this.#entry(senderPlace)
    const sender = senderEntry.now ?? EMPTY_ACCOUNT
    checkSender(transaction, sender)
    const recipientEntry = this.#entry(recipientPlace)
    if (recipientEntry.now !== undefined && hasCode(recipientEntry.now)) throw new TxError('recipient-has-code')

    const gasUsed = intrinsicGas(tx)
    const tip = effectiveTip(tx, baseFeePerGas)
    senderEntry.now = {
      nonce: sender.nonce + 1n,
      balance: sender.balance - gasUsed * (baseFeePerGas + tip) - tx.value,
      storageRoot: sender.storageRoot,
      codeHash: sender.codeHash,
    }
    senderEntry.touched = true
    credit(recipientEntry, tx.value)
    this.#tips += gasUsed * tip
    this.#gasUsed += gasUsed
    return { type: tx.type, status: 1, cumulativeGasUsed: this.#gasUsed, logs: NO_LOGS }
  }

  finish(reward: bigint, override?: AccountOverride): AccountDiff[] {
    if (this.#gasUsed > 0n) this.#creditTips()
    if (reward > 0n) credit(this.#entry(this.#minerPlace), reward)
    if (override !== undefined) {
      const entry = this.#entry(this.#accounts.place(keccak256Key(override.address)))
      entry.now = { ...(entry.now ?? EMPTY_ACCOUNT), [override.field]: override.value }
      entry.touched = true
    }
    const diffs: AccountDiff[] = []
    this.#entries.forEach((entry, place) => {
      if (entry === undefined || !entry.touched) return
      const { before, now } = entry
      // EIP-161: a touched account that is empty goes.
      const after = now !== undefined && isEmptyAccount(now) ? undefined : now
      if (after !== before) diffs.push({ place, after })
    })
    return diffs
  }

  #creditTips(): void {
    credit(this.#entry(this.#minerPlace), this.#tips)
    this.#tips = 0n
  }

  #entry(place: number): Entry {
    const known = this.#entries[place]
    if (known !== undefined) return known
    const before = this.#accounts.account(place)
    const entry = { before, now: before, touched: false }
    this.#entries[place] = entry
    return entry
  }
}

const NO_LOGS: readonly [] = []

function credit(entry: Entry, amount: bigint): void {
  entry.touched = true
  if (amount === 0n) return
  const { nonce, balance, storageRoot, codeHash } = entry.now ?? EMPTY_ACCOUNT
  entry.now = { nonce, balance: balance + amount, storageRoot, codeHash }
}

function checkSender({ tx }: RecoveredTransaction, sender: Account): void {
  if (tx.nonce !== sender.nonce) {
    const facts = { nonce: tx.nonce, expected: sender.nonce }
    throw new TxError(tx.nonce < sender.nonce ? 'nonce-too-low' : 'nonce-too-high', facts)
  }
  // EIP-3607.
  if (hasCode(sender)) throw new TxError('sender-has-code')
  const cost = tx.gasLimit * tx.maxFeePerGas + tx.value
  if (sender.balance < cost) {
    throw new TxError('insufficient-funds', { balance: sender.balance, cost, overshot: cost - sender.balance })
  }
}
