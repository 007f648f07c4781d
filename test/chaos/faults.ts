import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { openLedger } from '../../src/node/ledger.ts'
import { silentLogger } from '../../src/node/logger.ts'
import { checkDatabase, repairDatabase } from '../../src/node/repair.ts'
import { systemClock } from '../../src/node/system.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { temporaryDirectory } from '../support/test-chain.ts'
import { type BlockTree, growBlockTree } from './block-tree.ts'
import { chaosGenesis, chaosGenesisJson, SENDERS, senderAddress, TINY_STATE } from './network.ts'
import type { Random } from './random.ts'

/** What was done to one file of a data directory. */
export interface Damage {
  /** Name within `db`, without its number: it has another one each time. */
  readonly file: string
  readonly kind: 'flip' | 'truncate' | 'delete'
  /** Byte that was flipped, or length that was left. */
  readonly at: number
  /** Whether the process that had the directory last was killed. */
  readonly killed: boolean
}

/** How a node met it. */
export type Reaction =
  | { readonly kind: 'right' }
  | { readonly kind: 'refused'; readonly line: string }
  | { readonly kind: 'wrong'; readonly what: string }

interface Probed {
  readonly headHex?: string
  readonly digest?: string
  readonly line?: string
  readonly exitCode?: number
}

/** A small data directory with files of every kind, to be copied and damaged. */
export class FaultBench {
  readonly #directory = temporaryDirectory()
  readonly #random: Random
  #tree!: BlockTree
  #addresses!: readonly string[]
  #next = 0

  private constructor(random: Random) {
    this.#random = random
  }

  static async create(random: Random): Promise<FaultBench> {
    const bench = new FaultBench(random)
    bench.#tree = await growBlockTree(random, 10)
    await bench.#prepare()
    return bench
  }

  /** Three runs, so that there are tables beside the log. */
  async #prepare(): Promise<void> {
    const { blocks } = this.#tree
    const seen = new Set(blocks.flatMap(({ transactions }) => transactions.map(({ to }) => toHex(to!))))
    for (let i = 0; i < SENDERS; i++) seen.add(toHex(senderAddress(i)))
    this.#addresses = [...seen]
    writeFileSync(this.#path('addresses'), this.#addresses.join('\n'))
    writeFileSync(this.#path('genesis.json'), JSON.stringify(chaosGenesisJson()))
    const third = Math.ceil(blocks.length / 3)
    for (let start = 0; start < blocks.length; start += third) {
      const ledger = await openLedger(
        { datadir: this.#path('whole'), genesis: chaosGenesis(), dev: false, stateKeeping: TINY_STATE },
        { clock: systemClock, logger: silentLogger },
      )
      for (const block of blocks.slice(start, start + third)) await ledger.chain.import(block)
      await ledger.close()
    }
  }

  #path(name: string): string {
    return join(this.#directory, name)
  }

  /** Files of the database that hold something. */
  get files(): readonly string[] {
    return readdirSync(join(this.#path('whole'), 'db')).filter((name) => name !== 'LOCK' && name !== 'LOG')
  }

  /** Damages a copy. @returns its directory. */
  damage(file: string, kind: Damage['kind']): { readonly datadir: string; readonly damage: Damage } {
    const datadir = this.#path(`copy-${this.#next++}`)
    cpSync(this.#path('whole'), datadir, { recursive: true })
    const killed = this.#random.chance(0.5)
    // The id of no process: the directory was not closed by the last one.
    if (killed) writeFileSync(join(datadir, 'pid'), '4194305\n')
    const path = join(datadir, 'db', file)
    const bytes = readFileSync(path)
    const at = this.#random.integer(0, Math.max(0, bytes.length - 1))
    if (kind === 'delete') rmSync(path)
    else if (kind === 'truncate') truncateSync(path, at)
    else {
      bytes[at] = bytes[at]! ^ (1 << this.#random.integer(0, 7))
      writeFileSync(path, bytes)
    }
    return { datadir, damage: { file: file.replace(/\d{6}/, '*'), kind, at, killed } }
  }

  /** What a node makes of each directory. */
  async react(datadirs: readonly string[]): Promise<Reaction[]> {
    const reactions: Reaction[] = []
    while (reactions.length < datadirs.length) {
      const probed = await this.#probe(datadirs.slice(reactions.length))
      for (const result of probed) reactions.push(await this.#judge(result))
      if (reactions.length < datadirs.length) {
        reactions.push({ kind: 'wrong', what: 'the process ended without an answer' })
      }
    }
    return reactions
  }

  /** Fewer results than directories: the process has died over the one after the last. */
  async #probe(datadirs: readonly string[]): Promise<Probed[]> {
    const script = new URL('probe.ts', import.meta.url).pathname
    const child = spawn(process.execPath, [script, this.#path('addresses')], { stdio: ['pipe', 'pipe', 'ignore'] })
    const results: Probed[] = []
    createInterface(child.stdout).on('line', (line) => results.push(JSON.parse(line)))
    child.stdin.on('error', () => {}).end(datadirs.map((datadir) => `${datadir}\n`).join(''))
    await once(child, 'close')
    return results
  }

  async #judge({ headHex, digest, line, exitCode }: Probed, anyHead = false): Promise<Reaction> {
    const { chain } = this.#tree.reference
    if (line !== undefined) {
      const clear = /^idobata: [^\n]+; [^\n]*(idobata db repair|start again)[^\n]*$/.test(line) && exitCode === 3
      return clear ? { kind: 'refused', line } : { kind: 'wrong', what: `refused with ${exitCode}: ${line}` }
    }
    const expectedHex = toHex(chain.head.hash)
    if (headHex !== expectedHex && !anyHead) return { kind: 'wrong', what: `head ${headHex}, not ${expectedHex}` }
    const keys = this.#addresses.map((address) => keccak256Key(fromHex(address)))
    const accounts = await chain.accounts(keys, fromHex(headHex!))
    const expected = accounts.map((account) => `${account?.nonce ?? 0}:${account?.balance ?? 0}`).join(',')
    return digest === expected ? { kind: 'right' } : { kind: 'wrong', what: `balances ${digest}, not ${expected}` }
  }

  /**
   * Follows the remedy. @returns what is wrong afterwards: a second repair finds something, a check does, a node
   * refuses, or answers what was true at no head; undefined: nothing.
   */
  async followRemedy(datadir: string): Promise<string | undefined> {
    const options = { datadir, genesis: { dev: false, genesis: this.#path('genesis.json') } }
    await repairDatabase(options, () => {})
    const [probed] = await this.#probe([datadir])
    if (probed === undefined) return 'the repaired directory kills the process'
    const reaction = await this.#judge(probed, true)
    if (reaction.kind !== 'right') return JSON.stringify(reaction)
    const { findings } = await checkDatabase(options, () => {})
    return findings.length === 0 ? undefined : JSON.stringify(findings)
  }

  remove(datadir: string): void {
    rmSync(datadir, { recursive: true, force: true })
  }

  async stop(): Promise<void> {
    await this.#tree.reference.remove()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
