/** Time, passed in everywhere so that simulations and tests own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
  /** Calls `action` once, `delayMs` from now; the returned function cancels it. */
  after(delayMs: number, action: () => void): () => void
}
