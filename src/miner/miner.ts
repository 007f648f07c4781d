import { nextBaseFee, nextGasLimit } from '../chain/header-rules.ts'
import type { Head } from '../chain/types.ts'
import type { AccountOverride, Ancestry } from '../consensus/engine.ts'
import { hashBlock } from '../crypto/hashes.ts'
import { assert } from '../primitives/assert.ts'
import type { Block } from '../primitives/block.ts'
import { EMPTY_OMMERS_HASH, type Header } from '../primitives/header.ts'
import { EMPTY_BLOOM } from '../primitives/receipt.ts'
import { Bell } from './bell.ts'
import {
  BACKOFF_MAX_MS,
  BACKOFF_START_MS,
  CLOCK_RECHECK_MS,
  MAX_HEAD_AGE_SECONDS,
  MAX_HEAD_LEAD_SECONDS,
  MAX_TEMPLATE_AGE_MS,
  REFRESH_BUILD_RATIO,
  REFRESH_MS,
} from './limits.ts'
import { Template } from './template.ts'
import type { MinerComponents } from './types.ts'

export interface MinerOptions {
  /** 20 bytes: where rewards go, unless the engine requires another. */
  readonly coinbase: Uint8Array
  /**
   * Whether the engine seals no earlier than at the header's timestamp (`poa`): then the template is made as late as that
   * and misses no transaction. Proof of work loses time by waiting.
   */
  readonly sealsAtTimestamp: boolean
  /** Whether each transaction gets a block of its own (`--dev`); absent: as many as fit. */
  readonly oneByOne?: boolean
}

export interface MinerStatus {
  readonly mining: boolean
  /** Hashes a second. */
  readonly hashrate: number
  /** Blocks sealed since the process started. */
  readonly sealed: number
  /** 20 bytes. */
  readonly coinbase: Uint8Array
}

/** A block asked for by itself. */
export interface BlockRequest {
  /** Unix seconds; as early as the engine allows, if it is earlier than that. Absent: as in any block. */
  readonly timestamp?: number | undefined
  /** Carried by a block without transactions; only where the engine has such blocks. */
  readonly override?: AccountOverride
}

/** A block that lacks its seal only. */
interface Draft {
  readonly parent: Head
  readonly ancestry: Ancestry
  readonly block: Block
  readonly template: Template
  readonly buildMs: number
}

const NO_HASH = new Uint8Array(32)

/**
 * Makes blocks on the head: template, seal, import, again. A new head cuts the work short at once; transactions that
 * would earn more do so now and then. A failure is told and tried again later, ever later if it stays.
 */
export class Miner {
  readonly #options: MinerOptions
  /** What the operator may change while it runs. */
  readonly #wanted: { coinbase: Uint8Array; gasLimitTarget: bigint }
  readonly #parts: MinerComponents
  readonly #bell: Bell
  #running: Promise<void> | undefined
  /** Started while it was being stopped. */
  #again = false
  #stop = new AbortController()
  /** Ends the round under way. */
  #round = new AbortController()
  #last: Promise<void> = Promise.resolve()
  /** Blocks asked for with `mineOne` and not yet made. */
  #demands = 0
  /** Of the template that is being sealed. */
  #template: Template | undefined
  /** Transactions have come in that the next template would take. */
  #outdated = false
  /** Parent on which this node may not seal. */
  #inVain: Uint8Array | undefined
  #clockTold = false
  /** Asleep, with nothing that has rung. */
  #resting = false
  #untilIdle: (() => void)[] = []
  #sealed = 0

  constructor(options: MinerOptions, components: MinerComponents) {
    this.#options = options
    this.#wanted = { coinbase: options.coinbase, gasLimitTarget: components.chain.params.gasLimitTarget }
    this.#parts = components
    this.#bell = new Bell(components.clock)
  }

  start(): void {
    if (this.#running !== undefined) {
      this.#again = this.#stop.signal.aborted
      return
    }
    const { chain, pool } = this.#parts
    this.#stop = new AbortController()
    const unsubscribe = [
      chain.subscribe(({ type }) => {
        if (type === 'head') this.#interrupt()
      }),
      pool.subscribe(({ pending }) => {
        if (pending.length === 0) return
        this.#bell.ring()
        const template = this.#template
        this.#outdated ||= template === undefined || pending.some((recovered) => template.wants(recovered))
      }),
    ]
    this.#running = this.#mine(this.#stop.signal).finally(() => {
      for (const end of unsubscribe) end()
      this.#tellIdle()
    })
  }

  /** Resolves when nothing of it is under way any more. */
  async stop(): Promise<void> {
    this.#again = false
    this.#stop.abort()
    this.#interrupt()
    await this.#running
    this.#running = undefined
    await this.#last
    if (!this.#again) return
    this.#again = false
    this.start()
  }

  status(): MinerStatus {
    return {
      mining: this.#running !== undefined,
      hashrate: this.#parts.hashrate?.() ?? 0,
      sealed: this.#sealed,
      coinbase: this.#coinbase,
    }
  }

  /**
   * Seals one block now, empty if need be, whether or not the miner runs.
   * @returns the head afterwards. @throws Error if this node may not seal on the head.
   */
  async mineOne(request: BlockRequest = {}): Promise<Head> {
    await this.pausing(async () => {
      const draft = await this.#draft(request)
      const sealed = await this.#seal(draft, new AbortController().signal)
      if (!sealed) throw new Error('this node may not seal a block now')
    })
    return this.#parts.chain.head
  }

  /** Runs `task` while nothing is being sealed; what is under way is given up. */
  async pausing<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#demands++
    this.#round.abort()
    try {
      return await this.#alone(task)
    } finally {
      this.#demands--
    }
  }

  /** Resolves when the miner has nothing to do until something happens, does not run, or has failed. */
  idle(): Promise<void> {
    if (this.#running === undefined || (this.#resting && !this.#bell.hasRung)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#untilIdle.push(resolve)
    })
  }

  /** @param coinbase 20 bytes. Of no use where the engine requires another. */
  setCoinbase(coinbase: Uint8Array): void {
    this.#wanted.coinbase = coinbase
    this.#round.abort()
  }

  /** Gas that new blocks steer towards, in place of the network's. */
  setGasLimitTarget(gas: bigint): void {
    this.#wanted.gasLimitTarget = gas
    this.#round.abort()
  }

  get #coinbase(): Uint8Array {
    return this.#parts.engine.requiredMiner ?? this.#wanted.coinbase
  }

  #interrupt(): void {
    this.#round.abort()
    this.#bell.ring()
  }

  async #mine(stop: AbortSignal): Promise<void> {
    let backoffMs = BACKOFF_START_MS
    while (!stop.aborted) {
      try {
        this.#bell.clear()
        const idleMs = await this.#alone(() => this.#once(stop))
        backoffMs = BACKOFF_START_MS
        if (idleMs !== 0 && !stop.aborted) await this.#rest(idleMs)
      } catch (error) {
        this.#tellIdle()
        // Spread out: nodes that failed for the same reason should not come back at the same moment.
        const waitMs = Math.round(backoffMs * (0.5 + this.#parts.random() / 2))
        this.#parts.log.warn(`mining failed, next try in ${waitMs} ms: ${String(error)}`)
        await this.#sleep(waitMs, stop)
        backoffMs = Math.min(2 * backoffMs, BACKOFF_MAX_MS)
      }
    }
  }

  async #rest(timeMs: number | undefined): Promise<void> {
    const rung = this.#bell.wait(timeMs)
    if (!this.#bell.hasRung) {
      this.#resting = true
      this.#tellIdle()
    }
    await rung
    this.#resting = false
  }

  #tellIdle(): void {
    for (const resolve of this.#untilIdle.splice(0)) resolve()
  }

  /** One template. @returns milliseconds to sleep unless something happens; 0: none; undefined: until it does. */
  async #once(stop: AbortSignal): Promise<number | undefined> {
    if (stop.aborted || this.#demands > 0) return 0
    const { engine, chain } = this.#parts
    const round = new AbortController()
    this.#round = round
    if (this.#inVain === chain.head.hash) return undefined
    const waitMs = this.#untilAllowed(chain.head.header)
    if (waitMs > 0) return waitMs
    this.#outdated = false
    const draft = await this.#draft()
    if (round.signal.aborted) return 0
    if (draft.block.transactions.length === 0 && !engine.sealsEmptyBlocks) return undefined
    this.#template = draft.template
    const cancelRefresh = this.#scheduleRefresh(draft, round)
    try {
      const sealed = await this.#seal(draft, round.signal)
      if (sealed || round.signal.aborted) return 0
      this.#inVain = draft.parent.hash
      return undefined
    } finally {
      cancelRefresh()
      this.#template = undefined
    }
  }

  /** Milliseconds until a child of `parent` may be made, going by the clock. Tells of a clock that looks wrong, once. */
  #untilAllowed(parent: Header): number {
    const { engine, clock } = this.#parts
    if (engine.maxFutureSeconds === undefined) return 0
    const nowMs = clock.nowMs()
    const timestamp = this.#timestamp(parent)
    const aheadMs = (timestamp - engine.maxFutureSeconds) * 1000 - nowMs
    const ageSec = Math.floor(nowMs / 1000) - parent.timestamp
    if (-ageSec > MAX_HEAD_LEAD_SECONDS) {
      this.#tellClock(`the head is ${-ageSec} s ahead of this machine's clock: mining waits; is the clock right?`)
    } else if (ageSec > MAX_HEAD_AGE_SECONDS && parent.number > 0 && engine.sealsEmptyBlocks) {
      this.#tellClock(`the head is ${ageSec} s old: nobody has mined since, or this machine's clock is ahead`)
    } else this.#clockTold = false
    const waitMs = this.#options.sealsAtTimestamp ? timestamp * 1000 - nowMs : aheadMs
    return Math.min(Math.max(waitMs, 0), CLOCK_RECHECK_MS)
  }

  #tellClock(message: string): void {
    if (!this.#clockTold) this.#parts.log.warn(message)
    this.#clockTold = true
  }

  #timestamp(parent: Header, wanted?: number): number {
    const { engine, clock, timestamp } = this.#parts
    const usual = () => timestamp?.(parent) ?? Math.floor(clock.nowMs() / 1000)
    return Math.max(engine.earliestTimestamp(parent), wanted ?? usual())
  }

  /** @param request  absent: a block of the miner's own. */
  async #draft(request?: BlockRequest): Promise<Draft> {
    const { chain, pool, engine, clock } = this.#parts
    await pool.settled()
    const startedMs = clock.nowMs()
    const parent = chain.head
    const ancestry = chain.ancestry(parent.hash)
    assert(ancestry !== undefined, 'the head is not known to its chain')
    const timestamp = this.#timestamp(parent.header, request?.timestamp)
    const params = { ...chain.params, gasLimitTarget: this.#wanted.gasLimitTarget }
    const header: Header = {
      parentHash: parent.hash,
      ommersHash: EMPTY_OMMERS_HASH,
      miner: this.#coinbase,
      stateRoot: NO_HASH,
      transactionsRoot: NO_HASH,
      receiptsRoot: NO_HASH,
      logsBloom: EMPTY_BLOOM,
      number: parent.header.number + 1,
      gasLimit: nextGasLimit(parent.header, params),
      gasUsed: 0n,
      timestamp,
      baseFeePerGas: nextBaseFee(parent.header),
      ...engine.prepare(parent.header, timestamp, ancestry, request?.override),
    }
    const { maxBlockBytes } = chain.params
    const maxTransactions = request?.override ? 0 : request === undefined && this.#options.oneByOne ? 1 : undefined
    const template = new Template({ header, maxBlockBytes, maxTransactions }, pool.best(header.baseFeePerGas))
    const { block } = await chain.build(header, template)
    return { parent, ancestry, block, template, buildMs: clock.nowMs() - startedMs }
  }

  /** @returns whether the block was sealed and imported. */
  async #seal({ parent, ancestry, block }: Draft, signal: AbortSignal): Promise<boolean> {
    const { chain, engine } = this.#parts
    const header = await engine.seal(block.header, parent.header, ancestry, signal)
    if (header === undefined) return false
    await chain.import(hashBlock({ ...block, header }))
    this.#sealed++
    return true
  }

  /** Ends `round` once a new template is worth its cost. @returns the cancellation. */
  #scheduleRefresh({ buildMs }: Draft, round: AbortController): () => void {
    const { clock } = this.#parts
    const madeMs = clock.nowMs()
    const intervalMs = Math.max(REFRESH_MS, REFRESH_BUILD_RATIO * buildMs)
    const check = () => {
      if (this.#outdated || clock.nowMs() - madeMs >= MAX_TEMPLATE_AGE_MS) round.abort()
      else cancel = clock.after(intervalMs, check)
    }
    let cancel = clock.after(intervalMs, check)
    return () => cancel()
  }

  /** Runs `task` when all before it have ended: two rounds at once would seal two blocks on one head. */
  #alone<Result>(task: () => Promise<Result>): Promise<Result> {
    const run = this.#last.then(task)
    this.#last = run.then(
      () => undefined,
      () => undefined,
    )
    return run
  }

  async #sleep(timeMs: number, stop: AbortSignal): Promise<void> {
    const bell = new Bell(this.#parts.clock)
    const ring = () => bell.ring()
    stop.addEventListener('abort', ring, { once: true })
    await bell.wait(timeMs)
    stop.removeEventListener('abort', ring)
  }
}
