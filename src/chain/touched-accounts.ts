import { assert } from '../primitives/assert.ts'
import type { Key } from '../primitives/bytes.ts'
import type { RecoveredTransaction } from '../primitives/transaction.ts'
import { type AccountValue, decodeAccountValue } from '../state/account-value.ts'
import type { Layer } from '../state/layer.ts'
import type { State } from '../state/state.ts'
import type { AccountTable } from './execution.ts'

/** The accounts of one state that a block may read, each at a place of its own: looked up by key once, by place from then on. */
export class TouchedAccounts implements AccountTable {
  readonly layer: Layer
  /** By place. */
  readonly keys: Key[] = []
  /** By place, as far as loaded. */
  readonly values: (AccountValue | undefined)[] = []
  readonly #state: State
  readonly #places = new Map<Key, number>()

  constructor(state: State, layer: Layer) {
    this.#state = state
    this.layer = layer
  }

  /** The place of an account, made if it has none. */
  place(key: Key): number {
    const known = this.#places.get(key)
    if (known !== undefined) return known
    this.#places.set(key, this.keys.length)
    return this.keys.push(key) - 1
  }

  /** Places of each transaction's sender and recipient, by turns; without a recipient, twice the sender's. */
  placeAll(transactions: readonly RecoveredTransaction[]): Uint32Array {
    const places = new Uint32Array(2 * transactions.length)
    for (let i = 0; i < transactions.length; i++) {
      const { senderKey, recipientKey } = transactions[i]!
      places[2 * i] = this.place(senderKey)
      places[2 * i + 1] = recipientKey === '' ? places[2 * i]! : this.place(recipientKey)
    }
    return places
  }

  /** Reads those that have got a place since the last call. @throws StoreError, StateUnavailableError. */
  async load(): Promise<void> {
    const loaded = this.values.length
    const values = await this.#state.readValues(this.layer, this.keys.slice(loaded))
    for (const value of values) this.values.push(value)
  }

  account(place: number) {
    assert(place < this.values.length, 'execution reads an account that was not loaded')
    const value = this.values[place]
    return value === undefined ? undefined : decodeAccountValue(value)
  }
}
