/** Why a proof does not hold. Each is the fault of whoever made it. */
export type ProofFault =
  | 'shape' // lists whose lengths or numbers do not fit each other
  | 'no-work' // a header without the proof of work it claims
  | 'not-in-history' // the range's nodes do not lead to what the tip commits to
  | 'bad-anchor' // the work up to the known block is not what is known
  | 'bad-link' // a header's parent or time does not follow the block before it
  | 'bad-history-root' // a header does not commit to the blocks before it
  | 'bad-difficulty'
  | 'bad-schedule' // difficulty or work between two samples that no timestamps allow
  | 'place-not-shown' // no header in the proof stands at a sampled place
  | 'unbelievable-work'
  | 'not-in-block' // trie nodes that do not lead from a block's roots to what is shown
  | 'other-transaction' // another one than was asked for

/** A proof that does not show what it claims. */
export class ProofError extends Error {
  override readonly name = 'ProofError'
  readonly fault: ProofFault
  constructor(fault: ProofFault, detail: string) {
    super(`${fault}: ${detail}`)
    this.fault = fault
  }
}
