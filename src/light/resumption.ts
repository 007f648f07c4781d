import { FORGOTTEN_MS } from './limits.ts'

/**
 * Whether the chain of an earlier run, which no work stands behind, is still anybody's. A network whose signers begin anew with the same
 * genesis is another one: whoever held on to the old one would find all of its peers at fault, and wait for ever.
 */
export class Resumption {
  #open = false
  #deniedSinceMs: number | undefined

  /** A saved chain has been taken up. */
  begin(): void {
    this.#open = true
  }

  /** Whether no peer has shown yet that it has that chain: what contradicts it is nobody's fault so far. */
  get open(): boolean {
    return this.#open
  }

  /**
   * @param reaches  how far each peer that has been heard has our chain; undefined: not at all.
   * @returns whether it is plain by now that nobody has it.
   */
  isForgotten(reaches: readonly (number | undefined)[], nowMs: number): boolean {
    if (!this.#open || reaches.length === 0) return false
    this.#open = reaches.every((reach) => reach === undefined)
    if (!this.#open) return false
    this.#deniedSinceMs ??= nowMs
    if (nowMs - this.#deniedSinceMs < FORGOTTEN_MS) return false
    this.#open = false
    return true
  }
}
