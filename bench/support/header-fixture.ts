import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nextBaseFee } from '../../src/chain/header-rules.ts'
import { appendLeaf, type HistoryNode, historyLeaf, NO_PEAKS } from '../../src/chain/history.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import type { HashedHeader, Header } from '../../src/primitives/header.ts'
import { INITIAL_BASE_FEE } from '../../src/primitives/limits.ts'
import { headerWith } from '../../test/support/header-chain.ts'
import { HeaderMaker } from '../../test/support/header-maker.ts'
import { MINED_PARAMS } from '../../test/support/mined-chain.ts'

export const HEADERS_CHAIN_ID = 1_444_445n

const FIXTURE_VERSION = 1

/** Headers of empty blocks with real, low work stand on it. */
export const HEADERS_GENESIS: Header = headerWith({
  difficulty: MINED_PARAMS.genesisDifficulty,
  timestamp: 1_600_000_000,
  extraData: new Uint8Array(32),
})

/** Hash, extraData, mixHash, nonce, timestamp, difficulty. */
const RECORD_BYTES = 32 + 32 + 32 + 8 + 8 + 8
const NODE_BYTES = 32

/** A chain of headers on disk as a light node's server reads it. */
export class HeaderFixture {
  readonly length: number
  readonly #records: Buffer
  /** Roots of the history range's nodes in the order in which they came into being. */
  readonly #nodes: Buffer
  /** Work of all blocks before each. */
  readonly #workBefore: Float64Array
  readonly #baseFees: bigint[] = [INITIAL_BASE_FEE]

  /** @param length  blocks above genesis: fewer than there are give a shorter chain. */
  constructor(directory: string, length: number) {
    this.length = length
    this.#records = readFileSync(join(directory, 'records'))
    this.#nodes = readFileSync(join(directory, 'nodes'))
    this.#workBefore = new Float64Array(length + 2)
    for (let number = 0; number <= length; number++) {
      const difficulty = Number(this.#records.readBigUInt64BE((number + 1) * RECORD_BYTES - 8))
      this.#workBefore[number + 1] = this.#workBefore[number]! + difficulty
    }
  }

  get tip(): HashedHeader {
    return this.header(this.length)
  }

  totalDifficulty(number: number): bigint {
    return BigInt(this.#workBefore[number + 1]!)
  }

  readonly header = (number: number): HashedHeader => {
    const at = number * RECORD_BYTES
    const bytes = (from: number, length: number) =>
      new Uint8Array(this.#records.subarray(at + from, at + from + length))
    const header = headerWith({
      number,
      parentHash: number === 0 ? new Uint8Array(32) : bytes(-RECORD_BYTES, 32),
      extraData: bytes(32, 32),
      mixHash: bytes(64, 32),
      nonce: bytes(96, 8),
      timestamp: Number(this.#records.readBigUInt64BE(at + 104)),
      difficulty: this.#records.readBigUInt64BE(at + 112),
      baseFeePerGas: this.#baseFee(number),
    })
    return { hash: bytes(0, 32), header }
  }

  readonly historyNode = (height: number, index: number): HistoryNode => {
    const first = index * 2 ** height
    const last = first + 2 ** height - 1
    const at = (leafPlace(last) + height) * NODE_BYTES
    return {
      root: new Uint8Array(this.#nodes.subarray(at, at + NODE_BYTES)),
      work: BigInt(this.#workBefore[last + 1]! - this.#workBefore[first]!),
    }
  }

  /** Falls by an eighth a block until it is too small to. */
  #baseFee(number: number): bigint {
    const fees = this.#baseFees
    while (fees.length <= number && fees.at(-1) !== fees.at(-2)) {
      fees.push(nextBaseFee(headerWith({ baseFeePerGas: fees.at(-1)! })))
    }
    return fees[Math.min(number, fees.length - 1)]!
  }
}

/** Nodes that came into being before a leaf: two a leaf, but for the mountains that are not complete. */
function leafPlace(index: number): number {
  let incomplete = 0
  for (let rest = index; rest > 0; rest = Math.floor(rest / 2)) incomplete += rest % 2
  return 2 * index - incomplete
}

/** @returns the directory of a chain of so many blocks, mined once per machine: some minutes for a million. */
export function prepareHeaders(blocks: number, log: (text: string) => void): string {
  const directory = join(tmpdir(), `idobata-bench-headers-${FIXTURE_VERSION}-${blocks}`)
  if (existsSync(directory)) return directory
  log(`mining ${blocks} headers (once per machine)`)
  const making = `${directory}.making`
  rmSync(making, { recursive: true, force: true })
  mkdirSync(making, { recursive: true })
  mineHeaders(blocks, making)
  renameSync(making, directory)
  return directory
}

function mineHeaders(blocks: number, directory: string): void {
  const records = openSync(join(directory, 'records'), 'w')
  const nodes = openSync(join(directory, 'nodes'), 'w')
  const genesis = hashHeader(HEADERS_GENESIS)
  let { peaks, newNodes } = appendLeaf(NO_PEAKS, historyLeaf(genesis.hash, genesis.header))
  const totalDifficulty = genesis.header.difficulty
  const maker = new HeaderMaker(
    { ...genesis, totalDifficulty, peaks },
    { chainId: HEADERS_CHAIN_ID, pow: MINED_PARAMS },
  )
  writeSync(records, recordOf(genesis))
  const pendingRecords: Uint8Array[] = []
  const pendingNodes: Uint8Array[] = []
  const write = () => {
    writeSync(records, Buffer.concat(pendingRecords.splice(0)))
    writeSync(nodes, Buffer.concat(pendingNodes.splice(0)))
  }
  for (let number = 1; number <= blocks; number++) {
    for (const { node } of newNodes) pendingNodes.push(node.root)
    // Ten seconds on average, between one and nineteen.
    const made = maker.next(1 + ((number * 7_919) % 19))
    pendingRecords.push(recordOf(made))
    ;({ peaks, newNodes } = appendLeaf(peaks, historyLeaf(made.hash, made.header)))
    if (number % 10_000 === 0) write()
  }
  write()
  closeSync(records)
  closeSync(nodes)
}

function recordOf({ hash, header }: HashedHeader): Uint8Array {
  const record = Buffer.alloc(RECORD_BYTES)
  let at = 0
  for (const field of [hash, header.extraData, header.mixHash, header.nonce]) {
    record.set(field, at)
    at += field.length
  }
  record.writeBigUInt64BE(BigInt(header.timestamp), at)
  record.writeBigUInt64BE(header.difficulty, at + 8)
  return record
}
