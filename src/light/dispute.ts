import type { Head } from '../chain/types.ts'
import { equalBytes } from '../primitives/bytes.ts'
import { DISPUTE_MS } from './limits.ts'

/**
 * A block of the followed chain that some peers vouch for and others do not take, although it has more work than what they have. Either
 * it cannot be executed or those others are cut off; who was right shows when the chain goes on. That the chain has left it is no
 * proof: an honest block may be left as well, and whoever kept silent about it would have all honest peers reported. But those follow the
 * work, so only who stands by the block long after is named. Kept for one block at a time: the lowest that is not agreed on. Pure.
 */
export class Dispute {
  #block: Head | undefined
  #sinceMs = 0
  #vouchers: readonly string[] = []
  /** The last disputed block that the chain has left, while its vouchers may still do so. */
  #left: { readonly block: Head; readonly sinceMs: number; readonly vouchers: readonly string[] } | undefined

  /**
   * @param block  the lowest followed block that somebody lacks who has less work; undefined: all have everything.
   * @param vouchers  peers that have it.
   */
  observe(block: Head | undefined, vouchers: readonly string[], nowMs: number): void {
    if (!block || !this.#block || !equalBytes(this.#block.hash, block.hash)) this.#sinceMs = nowMs
    this.#block = block
    this.#vouchers = vouchers
  }

  /**
   * @param holds  whether a peer's chain, as it was shown last, has a block.
   * @returns who vouched for a block that was disputed for long, and still has it long after the chain has left it; each is named once.
   */
  settle(
    isFollowed: (block: Head) => boolean,
    holds: (peer: string, block: Head) => boolean,
    nowMs: number,
  ): readonly string[] {
    if (this.#block && !isFollowed(this.#block)) {
      if (nowMs - this.#sinceMs >= DISPUTE_MS) {
        this.#left = { block: this.#block, sinceMs: nowMs, vouchers: this.#vouchers }
      }
      this.#block = undefined
    }
    const left = this.#left
    if (!left || nowMs - left.sinceMs < DISPUTE_MS) return []
    this.#left = undefined
    return isFollowed(left.block) ? [] : left.vouchers.filter((peer) => holds(peer, left.block))
  }
}
