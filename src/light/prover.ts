import { type HistoryNode, peakPositions } from '../chain/history.ts'
import { proveLeaves } from '../chain/history-multiproof.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { type ChainProof, shownNumbers } from './flyclient.ts'
import { TAIL_BLOCKS } from './limits.ts'
import { samplePlaces } from './sampling.ts'

/** The canonical chain as the prover reads it, up to and with the tip. */
export interface ProverSource {
  readonly tip: HashedHeader
  /** A header at or below the tip. */
  header(number: number): HashedHeader
  /** Node of the history range at (height, index), over blocks below the tip; of a longer range as well. */
  historyNode(height: number, index: number): HistoryNode
}

/**
 * Proves the work behind a tip; the same tip and anchor give the same proof, so it may be kept for all who ask.
 * @param anchorNumber  canonical block that the other side has, below the tip: 0 for genesis.
 * @returns undefined for a chain of more work than a light node believes.
 * Cost at a million blocks: some 500 headers, 6,000 range nodes and 1,000 neighbours read.
 */
export function proveChain({ tip, header, historyNode }: ProverSource, anchorNumber: number): ChainProof | undefined {
  const tipNumber = tip.header.number
  const tailStart = Math.max(anchorNumber + 1, tipNumber - TAIL_BLOCKS)
  const tail = Array.from({ length: tipNumber - tailStart }, (_, offset) => header(tailStart + offset).header)

  const peaks = peakPositions(tipNumber).map((position) => ({
    ...position,
    work: historyNode(position.height, position.index).work,
  }))
  const total = peaks.reduce((sum, { work }) => sum + work, 0n)
  const from = workThrough(anchorNumber, historyNode)
  const tailWork = tail.reduce((sum, { difficulty }) => sum + difficulty, 0n)
  const places = samplePlaces(tip.hash, { from, to: total, tail: tailWork })
  if (!places) return undefined
  const sampled = new Set(places.map((place) => blockAt(place, peaks, historyNode)).filter((at) => at < tailStart))
  const sampleNumbers = [...sampled].sort((a, b) => a - b)

  const headerNumbers = new Set([anchorNumber, ...sampleNumbers, ...tail.map(({ number }) => number)])
  const shown = shownNumbers([...headerNumbers], tipNumber)
  return {
    tip: tip.header,
    tail,
    samples: sampleNumbers.map((number) => header(number).header),
    neighbours: shown
      .filter((number) => !headerNumbers.has(number))
      .map((number) => {
        const { hash, header: found } = header(number)
        return { hash, difficulty: found.difficulty, timestamp: found.timestamp }
      }),
    nodes: proveLeaves(shown, tipNumber, historyNode),
  }
}

/** Work of the blocks up to and with `number`. Cost: one read for each set bit of the number after it. */
function workThrough(number: number, historyNode: ProverSource['historyNode']): bigint {
  return peakPositions(number + 1).reduce((sum, { height, index }) => sum + historyNode(height, index).work, 0n)
}

/** Number of the block that holds a place on the line of work. Cost: one read a height. */
function blockAt(
  place: bigint,
  peaks: readonly { readonly height: number; readonly index: number; readonly work: bigint }[],
  historyNode: ProverSource['historyNode'],
): number {
  let rest = place
  const peak = peaks.find(({ work }) => {
    if (rest < work) return true
    rest -= work
    return false
  })!
  let { index } = peak
  for (let height = peak.height - 1; height >= 0; height--) {
    index *= 2
    const { work } = historyNode(height, index)
    if (rest < work) continue
    rest -= work
    index++
  }
  return index
}
