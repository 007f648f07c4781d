import type { Allowance } from './allowances.ts'
import type { Caller } from './caller.ts'

/** The caller of one message as its calls see it: with an account, and gone as soon as the message has been answered for them. */
export class Asker implements Caller {
  readonly #caller: Caller
  readonly #allowance: Allowance | undefined
  #isGivenUp = false

  constructor(caller: Caller, { allowance }: { readonly allowance: Allowance | undefined }) {
    this.#caller = caller
    this.#allowance = allowance
  }

  get client(): string {
    return this.#caller.client
  }

  get subscriber(): Caller['subscriber'] {
    return this.#caller.subscriber
  }

  get afterAnswer(): Caller['afterAnswer'] {
    return this.#caller.afterAnswer
  }

  /** The message has been answered, without waiting for all of its calls. */
  giveUp(): void {
    this.#isGivenUp = true
  }

  isGone(): boolean {
    return this.#isGivenUp || (this.#caller.isGone?.() ?? false)
  }

  charge(units: number): void {
    this.#allowance?.charge(this.#caller.client, units)
  }
}
