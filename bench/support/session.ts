import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../src/node/heap.ts'
import { type FixtureShape, prepareFixture } from './fixture.ts'
import { nativeRecoveryRate } from './native-recovery.ts'

/** How much is measured. */
export interface Plan {
  /** The large state. */
  readonly many: FixtureShape
  /** A small state, the same blocks. */
  readonly few: FixtureShape
  readonly emptyBlocks: FixtureShape
  /** Many small blocks, for catching up. */
  readonly long: FixtureShape
  readonly trie: { readonly accounts: number; readonly changes: number; readonly rounds: number }
  readonly kills: number
  readonly rpc: {
    readonly accounts: number
    /** Each side of a comparison is asked for so long, in turns. */
    readonly sliceMs: number
    readonly rounds: number
    /** Of a hundred transactions. */
    readonly batches: number
    /** As many before them, unmeasured. */
    readonly warmUpBatches: number
    readonly subscribers: number
    readonly starts: number
  }
  readonly gossip: {
    readonly accounts: number
    /** That a node holds when it meets another; all of them fit into a block. */
    readonly transactions: number
    readonly blocks: number
    readonly blockTransactions: number
  }
  readonly idle: { readonly peers: number; readonly settleMs: number; readonly forMs: number }
  /** Of a hundred transactions. */
  readonly throughput: { readonly batches: number }
  readonly light: {
    readonly blocks: number
    /** Of the shorter chain that growth is measured against. */
    readonly fewBlocks: number
    readonly reads: number
  }
  /** Milliseconds that a rate is measured for where nothing else ends it. */
  readonly loopMs: number
}

/** What the bars are for. */
const FULL_PLAN: Plan = {
  many: { accounts: 1_000_000, blocks: 120, transfers: 5_000 },
  few: { accounts: 10_000, blocks: 120, transfers: 5_000 },
  emptyBlocks: { accounts: 10, blocks: 2_000, transfers: 0 },
  long: { accounts: 10_000, blocks: 20_000, transfers: 10 },
  trie: { accounts: 1_000_000, changes: 10_000, rounds: 5 },
  kills: 3,
  rpc: { accounts: 4_000, sliceMs: 1_000, rounds: 7, batches: 400, warmUpBatches: 100, subscribers: 1_000, starts: 5 },
  gossip: { accounts: 4_000, transactions: 12_000, blocks: 8, blockTransactions: 1_000 },
  idle: { peers: 30, settleMs: 10_000, forMs: 30_000 },
  throughput: { batches: 500 },
  light: { blocks: 1_000_000, fewBlocks: 10_000, reads: 100 },
  loopMs: 2_000,
}

/** Shows that everything runs, in seconds. */
const QUICK_PLAN: Plan = {
  many: { accounts: 20_000, blocks: 6, transfers: 2_000 },
  few: { accounts: 2_000, blocks: 6, transfers: 2_000 },
  emptyBlocks: { accounts: 10, blocks: 200, transfers: 0 },
  long: { accounts: 2_000, blocks: 2_000, transfers: 10 },
  trie: { accounts: 20_000, changes: 1_000, rounds: 2 },
  kills: 1,
  rpc: { accounts: 1_000, sliceMs: 200, rounds: 2, batches: 20, warmUpBatches: 5, subscribers: 100, starts: 1 },
  gossip: { accounts: 1_000, transactions: 3_000, blocks: 1, blockTransactions: 500 },
  idle: { peers: 4, settleMs: 1_000, forMs: 2_000 },
  throughput: { batches: 40 },
  light: { blocks: 20_000, fewBlocks: 2_000, reads: 5 },
  loopMs: 300,
}

/** What `import-run.ts` prints. */
export interface ImportRun {
  readonly perSecond: number
  readonly delayP99Ms: number
  readonly peakRssMb: number
  readonly diskBytes: number
  readonly genesisBytes: number
}

export interface ImportBesideNative extends ImportRun {
  /** Mean of before and after. */
  readonly nativePerSecond: number
}

export type ImportMode = 'unseen' | 'pooled'

/** One call of the bench: what is measured once in it and used by several figures. */
export class Session {
  readonly plan: Plan
  /** Whether the plan is the one that the bars are for. */
  readonly judged: boolean
  readonly log: (text: string) => void
  readonly #imports = new Map<string, Promise<ImportBesideNative>>()

  constructor({ quick }: { readonly quick: boolean }, { log }: { readonly log: (text: string) => void }) {
    this.plan = quick ? QUICK_PLAN : FULL_PLAN
    this.judged = !quick
    this.log = log
  }

  /** Each run once; native recovery is measured right before and right after it, when the machine is in the same mood. */
  importBesideNative(shape: FixtureShape, mode: ImportMode): Promise<ImportBesideNative> {
    const key = `${JSON.stringify(shape)} ${mode}`
    const run = this.#imports.get(key) ?? this.#importBesideNative(shape, mode)
    this.#imports.set(key, run)
    return run
  }

  async #importBesideNative(shape: FixtureShape, mode: ImportMode): Promise<ImportBesideNative> {
    await prepareFixture(shape, this.log)
    const before = await nativeRecoveryRate(this.plan.loopMs)
    const run = await this.importRun(shape, mode)
    const after = await nativeRecoveryRate(this.plan.loopMs)
    return { ...run, nativePerSecond: (before + after) / 2 }
  }

  /** @param inFlight  blocks handed over at a time; the run's own default if absent. */
  async importRun(shape: FixtureShape, mode: ImportMode, inFlight?: number): Promise<ImportRun> {
    const { accounts, blocks, transfers } = shape
    await prepareFixture(shape, this.log)
    this.log(`importing ${blocks} blocks of ${transfers} transfers at ${accounts} accounts, ${mode}`)
    return runChild('import-run.ts', [accounts, blocks, transfers, mode, ...(inFlight ? [inFlight] : [])])
  }
}

/** Starts a script of this bench in a process of its own; its standard input and output are pipes. */
export function startChild(
  script: string,
  args: readonly (string | number)[],
  environment: Readonly<Record<string, string>> = {},
) {
  const file = fileURLToPath(new URL(`../${script}`, import.meta.url))
  return spawn(process.execPath, [...NODE_FLAGS, '--expose-gc', file, ...args.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
}

/** The JSON that a script prints. @throws Error if it fails. */
export async function runChild<T>(script: string, args: readonly (string | number)[]): Promise<T> {
  const child = startChild(script, args)
  const closed = once(child, 'close')
  const output = await text(child.stdout)
  const [code, signal] = await closed
  if (code !== 0) throw new Error(`bench/${script} ended with ${signal ?? `code ${code}`}`)
  return JSON.parse(output)
}
