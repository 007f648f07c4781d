/** Something that memory is held for and that can be let go of. */
interface Holder {
  /** Ends it; what it held is given back. */
  cut(): void
}

/**
 * Memory that slow clients make the server hold, counted over all of them: past the limit whoever makes it hold the
 * most is cut. So many slow clients together take no more than a few, and those who are quick lose nothing.
 */
export class HeldBytes {
  readonly #limitBytes: number
  readonly #held = new Map<Holder, number>()
  #total = 0

  constructor({ limitBytes }: { readonly limitBytes: number }) {
    this.#limitBytes = limitBytes
  }

  get total(): number {
    return this.#total
  }

  /** `holder` holds so many bytes now. */
  set(holder: Holder, bytes: number): void {
    this.#total += bytes - (this.#held.get(holder) ?? 0)
    if (bytes === 0) this.#held.delete(holder)
    else this.#held.set(holder, bytes)
    while (this.#total > this.#limitBytes) {
      const largest = this.#largest()
      this.set(largest, 0)
      largest.cut()
    }
  }

  /** `holder` holds so many more, or fewer; what was cut holds nothing, and gives nothing back. Cost: constant below the limit. */
  add(holder: Holder, bytes: number): void {
    this.set(holder, Math.max(0, (this.#held.get(holder) ?? 0) + bytes))
  }

  #largest(): Holder {
    let largest: Holder | undefined
    let most = 0
    for (const [holder, bytes] of this.#held) {
      if (bytes <= most) continue
      largest = holder
      most = bytes
    }
    return largest!
  }
}
