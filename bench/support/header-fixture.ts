import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nextBaseFee } from '../../src/chain/header-rules.ts'
import {
  appendLeaf,
  type HistoryNode,
  historyCommitment,
  historyLeaf,
  NO_PEAKS,
  type Peaks,
} from '../../src/chain/history.ts'
import { relativeDifficulty, targetOf } from '../../src/consensus/asert.ts'
import { type PowParams, powHash, sealHash } from '../../src/consensus/pow.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import { EMPTY_TRIE_ROOT } from '../../src/primitives/account.ts'
import { bytesToBigint, uint64ToBytes } from '../../src/primitives/bytes.ts'
import { EMPTY_OMMERS_HASH, type HashedHeader, type Header } from '../../src/primitives/header.ts'
import { INITIAL_BASE_FEE } from '../../src/primitives/limits.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'

/** Headers of empty blocks with real, low work. */
export const HEADERS_CHAIN_ID = 1_444_445n
export const HEADERS_POW: PowParams = {
  genesisDifficulty: 8n,
  spacingSec: 10n,
  halfLifeSec: 2_880n,
  rewardWei: 0n,
  safeDepth: 12,
  finalizedDepth: 64,
}

const GENESIS_TIMESTAMP = 1_600_000_000
const GAS_LIMIT = 30_000_000n
const FIXTURE_VERSION = 1

export const HEADERS_GENESIS: Header = {
  parentHash: new Uint8Array(32),
  ommersHash: EMPTY_OMMERS_HASH,
  miner: new Uint8Array(20),
  stateRoot: EMPTY_TRIE_ROOT,
  transactionsRoot: EMPTY_TRIE_ROOT,
  receiptsRoot: EMPTY_TRIE_ROOT,
  logsBloom: EMPTY_BLOOM,
  difficulty: HEADERS_POW.genesisDifficulty,
  number: 0,
  gasLimit: GAS_LIMIT,
  gasUsed: 0n,
  timestamp: GENESIS_TIMESTAMP,
  extraData: new Uint8Array(32),
  mixHash: new Uint8Array(32),
  nonce: new Uint8Array(8),
  baseFeePerGas: INITIAL_BASE_FEE,
}

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
    const header = emptyBlock({
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
      fees.push(nextBaseFee(emptyBlock({ baseFeePerGas: fees.at(-1)! })))
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

function emptyBlock(fields: Partial<Header>): Header {
  return { ...HEADERS_GENESIS, ...fields }
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
  let peaks: Peaks = NO_PEAKS
  let grandparent: Header | undefined
  let parent = hashHeader(HEADERS_GENESIS)
  writeSync(records, recordOf(parent))
  const pendingRecords: Uint8Array[] = []
  const pendingNodes: Uint8Array[] = []
  const write = () => {
    writeSync(records, Buffer.concat(pendingRecords.splice(0)))
    writeSync(nodes, Buffer.concat(pendingNodes.splice(0)))
  }
  for (let number = 1; number <= blocks; number++) {
    const appended = appendLeaf(peaks, historyLeaf(parent.hash, parent.header))
    peaks = appended.peaks
    for (const { node } of appended.newNodes) pendingNodes.push(node.root)
    const { header: below } = parent
    const prepared = emptyBlock({
      number,
      parentHash: parent.hash,
      // Ten seconds on average, between one and nineteen.
      timestamp: below.timestamp + 1 + ((number * 7_919) % 19),
      difficulty: number < 3 ? HEADERS_POW.genesisDifficulty : relativeDifficulty(below, grandparent!, HEADERS_POW),
      extraData: historyCommitment(HEADERS_CHAIN_ID, peaks),
      baseFeePerGas: nextBaseFee(below),
    })
    grandparent = below
    parent = hashHeader(sealed(prepared))
    pendingRecords.push(recordOf(parent))
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

function sealed(header: Header): Header {
  const hash = sealHash(header)
  const target = targetOf(header.difficulty)
  for (let count = 0; ; count++) {
    const nonce = uint64ToBytes(count)
    const mixHash = powHash(hash, nonce)
    if (bytesToBigint(mixHash) <= target) return { ...header, mixHash, nonce }
  }
}
