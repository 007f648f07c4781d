import { UnprovenError } from '../primitives/errors.ts'
import type { LightFault } from './types.ts'

export type LightErrorCode =
  /** No peer has shown a chain yet, or all are gone. */
  | 'no-peers'
  /** None of the peers that were asked gave an answer that holds. */
  | 'no-answer'
  /** The newest block that anybody shows is too old: the network rests, or all peers hide what came after. */
  | 'stale-head'

/** A light node that cannot answer truthfully says so: never a guess. */
export class LightError extends UnprovenError {
  override readonly name: string = 'LightError'
  declare readonly code: LightErrorCode

  constructor(code: LightErrorCode, detail: string) {
    super(code, detail)
  }
}

/** What a peer showed does not bear out what it claims, or contradicts it. */
export class PeerFault extends Error {
  override readonly name = 'PeerFault'
  readonly fault: LightFault

  constructor(fault: LightFault, detail: string) {
    super(`${fault}: ${detail}`)
    this.fault = fault
  }
}

/** A peer's chain changed while it was being shown, as any honest one's may: it will be asked again, and nobody is at fault. */
export class ReorgedError extends Error {
  override readonly name = 'ReorgedError'

  constructor() {
    super('the chain changed between two answers')
  }
}

/** A header is further ahead of the clock than is allowed: its time will come, and nobody is at fault. */
export class FromFutureError extends Error {
  override readonly name = 'FromFutureError'

  constructor() {
    super('a block from too far ahead of the clock')
  }
}
