import type { HashedHeader, Header } from '../primitives/header.ts'

/** What an engine may look up while it judges or prepares a header: the ancestors on that header's own branch. */
export interface Ancestry {
  /**
   * Header by hash; undefined for the genesis block's parent, and for one that lies further back than is kept of headers
   * whose bodies are not there yet (1,024 at least). Cost: a cache or one store read.
   */
  header(hash: Uint8Array): Header | undefined
  /**
   * What a child of the parent in question must commit to in its `extraData` (docs/protocol.md, history root): 32 bytes.
   * Cost: a few hashes.
   */
  historyRoot(): Uint8Array
}

/** The header fields that an engine decides; the rest follow from the parent and the transactions. */
type ConsensusFields = Pick<Header, 'difficulty' | 'extraData' | 'mixHash' | 'nonce'>

/** What a block makes of an account, whatever was there and whoever agrees. */
export interface AccountOverride {
  /** 20 bytes. */
  readonly address: Uint8Array
  readonly field: 'balance' | 'nonce'
  readonly value: bigint
}

/** A block as fork choice sees it. */
export interface Candidate {
  readonly hash: Uint8Array
  readonly header: Header
  readonly totalDifficulty: bigint
}

/** Heights on the canonical chain that wallets may show as `safe` and `finalized`. */
export interface Finality {
  readonly safe: number
  readonly finalized: number
}

/**
 * The rules that differ between networks. The chain takes one from the composition root and imports none, so an engine
 * can be written outside this package; `test/unit/consensus/engine-compliance.ts` is the suite one must pass.
 *
 * Rules that all networks share (gas limit, base fee, timestamp after the parent's, number) are `chain/header-rules.ts`.
 */
export interface Engine {
  readonly name: string

  /** Seconds that a header may be ahead of the local clock before it waits; undefined: no bound (`--dev`). */
  readonly maxFutureSeconds: number | undefined

  /** Whether a miner should seal without transactions; false: it waits for one (`poa` with a period of 0). */
  readonly sealsEmptyBlocks: boolean

  /** Address that `miner` must hold in headers given to `seal`; undefined: the operator chooses. */
  readonly requiredMiner: Uint8Array | undefined

  /**
   * Judges everything about `header` that the shared rules do not, seal included, cheapest first. Not called for genesis.
   * `parent` is the header that `header.parentHash` names, and numbered one below; the hash is the header's own.
   * @throws BlockError
   */
  verifyHeader({ hash, header }: HashedHeader, parent: Header, ancestry: Ancestry): void

  /**
   * Begins on headers that are about to be verified, and of whose ancestors nothing is known yet: what takes longest and can
   * be done on other threads. Changes no verdict; absent where it would gain nothing.
   * @throws what keeps those threads from working.
   */
  recoverSeals?(headers: readonly HashedHeader[]): Promise<void>

  /** Earliest Unix second at which a child of `parent` may stand, at least parent.timestamp + 1. */
  earliestTimestamp(parent: Header): number

  /**
   * Fields of a child of `parent` at `timestamp`, not yet sealed but as long as they will be, so that sizes are final.
   * @param override  for the child to carry; only where the engine has `override`.
   */
  prepare(parent: Header, timestamp: number, ancestry: Ancestry, override?: AccountOverride): ConsensusFields

  /**
   * Seals a header whose other fields are final: searches a nonce, or waits for this signer's turn and signs.
   * @returns the header with its seal; undefined when `signal` aborted first, or when this node may not seal on `parent`
   * at all: asking again is in vain until there is another head.
   */
  seal(header: Header, parent: Header, ancestry: Ancestry, signal: AbortSignal): Promise<Header | undefined>

  /** Wei minted to `header.miner` after the block's transactions. */
  reward(header: Header): bigint

  /**
   * What a verified or prepared `header` sets after the block's transactions and reward. Absent: nothing ever, as on every network
   * whose coins are worth something.
   */
  override?(header: Header): AccountOverride | undefined

  /** What `header` adds to the total difficulty of its branch. */
  weight(header: Header): bigint

  /**
   * Decides between two blocks of equal total difficulty. True: `challenger` becomes head in place of `head`.
   * Engines without a preference answer false: the one seen first stays. Others answer by a fixed total order, the same
   * on every node.
   */
  winsTie(challenger: Candidate, head: Candidate): boolean

  /**
   * Which canonical ancestors of `head` are safe and final: 0 <= finalized <= safe <= head.number, never lower for a
   * descendant. A reorg below a final block is refused if `reorgsFinal` is false.
   */
  finality(head: Header, ancestry: Ancestry): Finality

  /** Whether fork choice may leave a block that `finality` called final: true where final is only a label (proof of work). */
  readonly reorgsFinal: boolean

  /**
   * Whether headers carry the history root (docs/protocol.md). False only for Ethereum's own rules in tests:
   * then the chain keeps the range but no header is checked against it.
   */
  readonly commitsToHistory: boolean
}
