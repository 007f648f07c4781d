import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import { encodeBlock } from '../../src/primitives/block.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { type BlockTree, growBlockTree } from './block-tree.ts'
import { SENDERS, senderAddress } from './network.ts'
import type { Random } from './random.ts'
import { drawKillPlan, Victim } from './victim.ts'

/** Blocks after whose acknowledgement a kill may come; a start imports some hundred in all. */
const MAX_ACKNOWLEDGED = 60

/** Kills a process that imports a tree of blocks, and sees to it that the next one goes on where it was. */
export class ImportChaos {
  readonly datadir: string
  readonly #random: Random
  readonly #tree: BlockTree
  readonly #files: { readonly blocks: string; readonly addresses: string }
  readonly #addresses: readonly string[]
  /** Hashes of blocks that were said to be imported, since the directory was last made. */
  #acknowledged = new Set<string>()
  kills = 0
  completions = 0

  private constructor(directory: string, random: Random, tree: BlockTree) {
    this.datadir = join(directory, 'import')
    this.#random = random
    this.#tree = tree
    const seen = new Set(tree.blocks.flatMap(({ transactions }) => transactions.map(({ to }) => toHex(to!))))
    for (let i = 0; i < SENDERS; i++) seen.add(toHex(senderAddress(i)))
    this.#addresses = [...seen]
    this.#files = { blocks: join(directory, 'blocks.rlp'), addresses: join(directory, 'addresses') }
    writeFileSync(this.#files.blocks, Buffer.concat(tree.blocks.map(encodeBlock)))
    writeFileSync(this.#files.addresses, this.#addresses.join('\n'))
  }

  static async create(directory: string, random: Random, reorgs: number): Promise<ImportChaos> {
    return new ImportChaos(directory, random, await growBlockTree(random, reorgs))
  }

  /** One process, from its start to its kill. @throws Error if anything is not as it was. */
  async round(): Promise<void> {
    const states: [hashHex: string, digest: string][] = []
    const outcomes: [outcome: string, hashHex: string][] = []
    const before = new Set(this.#acknowledged)
    const { blocks, addresses } = this.#files
    const plan = drawKillPlan(this.#random, MAX_ACKNOWLEDGED)
    const victim = new Victim('importer.ts', [this.datadir, blocks, addresses], plan, ([word, hashHex, digest]) => {
      if (word === 'state') states.push([hashHex!, digest!])
      if (word !== 'head' && word !== 'side' && word !== 'known') return
      outcomes.push([word, hashHex!])
      this.#acknowledged.add(hashHex!)
      if (word !== 'known') victim.count()
    })
    await victim.ended()
    for (const [hashHex, digest] of states) await this.#compare(hashHex, digest, before)
    for (const [outcome, hashHex] of outcomes) {
      if (outcome !== 'known' && before.has(hashHex)) throw new Error(`block ${hashHex} was acknowledged and is lost`)
    }
    if (victim.killed) {
      this.kills++
      return
    }
    const last = states.at(-1)?.[0]
    const expected = toHex(this.#tree.reference.chain.head.hash)
    if (last !== expected) throw new Error(`the import ends at ${last}, not at ${expected}`)
    this.completions++
    rmSync(this.datadir, { recursive: true })
    this.#acknowledged = new Set()
  }

  /** What a process found at its head, against the chain that never crashed. */
  async #compare(hashHex: string, digest: string, acknowledged: ReadonlySet<string>): Promise<void> {
    const { chain } = this.#tree.reference
    const hash = fromHex(hashHex)
    const accounts = await chain.accounts(
      this.#addresses.map((address) => keccak256Key(fromHex(address))),
      hash,
    )
    const expected = accounts.map((account) => `${account?.nonce ?? 0}:${account?.balance ?? 0}`).join(',')
    if (digest !== expected) throw new Error(`wrong balances at ${hashHex}: ${digest}, expected ${expected}`)
    const work = (hex: string) => chain.store.header(fromHex(hex))!.totalDifficulty
    const lost = [...acknowledged].find((hex) => work(hex) > work(hashHex))
    if (lost !== undefined) throw new Error(`the head is ${hashHex} although ${lost} was acknowledged`)
  }

  async stop(): Promise<void> {
    await this.#tree.reference.remove()
  }
}
