import {
  appendLeaf,
  type HistoryNode,
  historyCommitment,
  historyLeaf,
  NO_PEAKS,
  type Peaks,
} from '../../src/chain/history.ts'
import type { ProverSource } from '../../src/light/prover.ts'
import type { HashedHeader } from '../../src/primitives/header.ts'

/** A chain of headers alone with its history range, as a full node reads it to answer light ones. */
export class HeaderList implements ProverSource {
  readonly headers: HashedHeader[]
  readonly #nodes = new Map<number, HistoryNode>()
  /** Over all headers but the tip. */
  #peaks: Peaks = NO_PEAKS

  /** @param headers  from genesis on. */
  constructor(headers: readonly HashedHeader[]) {
    this.headers = [...headers]
    for (const header of headers.slice(0, -1)) this.#append(header)
  }

  get tip(): HashedHeader {
    return this.headers.at(-1)!
  }

  get genesis(): HashedHeader {
    return this.headers[0]!
  }

  get totalDifficulty(): bigint {
    return this.headers.reduce((sum, { header }) => sum + header.difficulty, 0n)
  }

  readonly header = (number: number): HashedHeader => this.headers[number]!

  readonly historyNode = (height: number, index: number): HistoryNode => this.#nodes.get(position(height, index))!

  /** What a header on top has to commit to. */
  commitment(chainId: bigint): Uint8Array {
    return historyCommitment(chainId, appendLeaf(this.#peaks, historyLeaf(this.tip.hash, this.tip.header)).peaks)
  }

  push(header: HashedHeader): void {
    this.#append(this.tip)
    this.headers.push(header)
  }

  #append({ hash, header }: HashedHeader): void {
    const { peaks, newNodes } = appendLeaf(this.#peaks, historyLeaf(hash, header))
    for (const { height, index, node } of newNodes) this.#nodes.set(position(height, index), node)
    this.#peaks = peaks
  }
}

function position(height: number, index: number): number {
  return height * 2 ** 40 + index
}
