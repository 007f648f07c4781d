import type { Head } from '../chain/types.ts'
import { equalBytes } from '../primitives/bytes.ts'
import { DISPUTE_MS } from './limits.ts'

/**
 * A block of the followed chain that some peers vouch for and others do not take, although it has more work than what they have. Either
 * it cannot be executed or those others are cut off; who was right shows when the chain goes on. Kept for one block at a time: the
 * lowest that is not agreed on. Pure.
 */
export class Dispute {
  #block: Head | undefined
  #sinceMs = 0
  #vouchers: readonly string[] = []

  /**
   * @param block  the lowest followed block that somebody lacks who has less work; undefined: all have everything.
   * @param vouchers  peers that have it.
   */
  observe(block: Head | undefined, vouchers: readonly string[], nowMs: number): void {
    if (!block || !this.#block || !equalBytes(this.#block.hash, block.hash)) this.#sinceMs = nowMs
    this.#block = block
    this.#vouchers = vouchers
  }

  /** @returns who vouched for a block that was disputed for long, if the chain has left it; each is named once. */
  settle(isFollowed: (block: Head) => boolean, nowMs: number): readonly string[] {
    if (!this.#block || isFollowed(this.#block)) return []
    const vouchers = nowMs - this.#sinceMs >= DISPUTE_MS ? this.#vouchers : []
    this.#block = undefined
    return vouchers
  }
}
