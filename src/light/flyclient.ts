import { type HistoryNode, historyCommitment, historyLeaf, historyWork, type Peaks } from '../chain/history.ts'
import { type ProvenLeaf, verifyLeaves } from '../chain/history-multiproof.ts'
import { relativeDifficulty } from '../consensus/asert.ts'
import { hasWork, type PowParams } from '../consensus/pow.ts'
import { hashHeader } from '../crypto/hashes.ts'
import { equalBytes } from '../primitives/bytes.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import { TAIL_BLOCKS } from './limits.ts'
import { ProofError } from './proof-error.ts'
import { samplePlaces, type WorkLine } from './sampling.ts'
import { checkSchedule } from './schedule.ts'

/** What a leaf of the history range is made of: all that is needed of a block beside which another one was sampled. */
export interface LeafFacts {
  /** 32 bytes. */
  readonly hash: Uint8Array
  readonly difficulty: bigint
  /** Unix seconds. */
  readonly timestamp: number
}

/**
 * Shows how much work stands behind a tip, without its whole chain (FlyClient, eprint 2019/226). What is in it and in which order
 * follows from the numbers of the headers; docs/light.md says what each check is for.
 */
export interface ChainProof {
  readonly tip: Header
  /** The last blocks before the tip, ascending and without a gap: `TAIL_BLOCKS`, or all above the anchor. */
  readonly tail: readonly Header[]
  /** Between anchor and tail, ascending: the blocks that hold the sampled places. */
  readonly samples: readonly Header[]
  /** The two blocks before each header above, where they are not among those: ascending. */
  readonly neighbours: readonly LeafFacts[]
  /** `proveLeaves` of all of these and the anchor, which is not sent: whoever asks has it. */
  readonly nodes: readonly HistoryNode[]
}

/** A block that is trusted to be on the chain, and where the samples begin: genesis, or the last tip that was proven. */
export interface Anchor extends HashedHeader {
  /** Work up to and with this block. */
  readonly totalDifficulty: bigint
}

export interface ProofContext {
  readonly chainId: bigint
  readonly anchor: Anchor
  readonly params: PowParams
}

/** A tip with the work that was proven to stand behind it. */
export interface ProvenTip extends Anchor {
  /** Ascending, ends with the tip's parent. Checked like the tip, so each may be asked about. */
  readonly tail: readonly HashedHeader[]
  /** The range up to and without the first block of the tail, or the tip where there is none. */
  readonly history: Peaks
}

/** A block of which a proof shows the leaf; of most the header too. */
interface Shown extends LeafFacts {
  readonly number: number
  readonly header: Header | undefined
}

/**
 * Judges a proof by itself; whether its tip is the heaviest one known, and not from the future, is up to the caller.
 * @throws ProofError. Cost: about 30 hashes a header, 20 ms for a million blocks.
 */
export function verifyChainProof(proof: ChainProof, { chainId, anchor, params }: ProofContext): ProvenTip {
  checkNumbers(proof, anchor.header.number)
  for (const { difficulty } of [...proof.neighbours, proof.tip, ...proof.tail, ...proof.samples]) {
    if (difficulty < params.genesisDifficulty)
      throw new ProofError('bad-difficulty', `${difficulty} is below the floor`)
  }
  const tip = hashHeader(proof.tip)
  const tail = proof.tail.map(hashHeader)
  const samples = proof.samples.map(hashHeader)
  for (const { header } of [tip, ...tail, ...samples]) checkWork(header)

  const shown = arrangeLeaves([...samples, ...tail], proof.neighbours, tip.header.number, anchor)
  const leaves: ProvenLeaf[] = shown.map(({ number, hash, difficulty, timestamp }) => ({
    index: number,
    leaf: historyLeaf(hash, { difficulty, timestamp }),
  }))
  const ranges = verifyLeaves(chainId, tip.header.number, leaves, proof.nodes, tip.header.extraData)
  if (!ranges) throw new ProofError('not-in-history', `block ${tip.header.number} does not commit to what is shown`)

  const byNumber = new Map(shown.map((leaf) => [leaf.number, leaf]))
  shown.forEach(({ number, header }, place) => {
    // Genesis commits to nothing, and of the anchor all else is known.
    if (!header || number === 0) return
    if (number !== anchor.header.number) checkAgainstParents(header, byNumber, params)
    if (!equalBytes(header.extraData, historyCommitment(chainId, ranges.before[place]!))) {
      throw new ProofError('bad-history-root', `block ${number}`)
    }
  })
  checkAgainstParents(tip.header, byNumber, params)

  const total = historyWork(ranges.whole)
  const workBefore = ranges.before.map(historyWork)
  const anchorPlace = shown.findIndex(({ number }) => number === anchor.header.number)
  if (workBefore[anchorPlace]! + anchor.header.difficulty !== anchor.totalDifficulty) {
    throw new ProofError('bad-anchor', `other work up to block ${anchor.header.number}`)
  }
  const tailWork = tail.reduce((work, { header }) => work + header.difficulty, 0n)
  checkPlaces(tip.hash, { from: anchor.totalDifficulty, to: total, tail: tailWork }, shown, workBefore)
  checkSchedule(
    shown.map((leaf, place) => ({ ...leaf, workBefore: workBefore[place]! })),
    params,
  )
  const [first] = tail
  const history = first ? ranges.before[shown.findIndex(({ number }) => number === first.header.number)]! : ranges.whole
  return { ...tip, totalDifficulty: total + tip.header.difficulty, tail, history }
}

function checkNumbers({ tip, tail, samples }: ChainProof, anchorNumber: number): void {
  const start = tip.number - tail.length
  if (tip.number <= anchorNumber || tail.length !== Math.min(TAIL_BLOCKS, tip.number - anchorNumber - 1)) {
    throw new ProofError('shape', `${tail.length} headers before block ${tip.number}`)
  }
  if (tail.some(({ number }, place) => number !== start + place)) throw new ProofError('shape', 'a gap in the tail')
  samples.forEach(({ number }, place) => {
    const least = place === 0 ? anchorNumber + 1 : samples[place - 1]!.number + 1
    if (number < least || number >= start) throw new ProofError('shape', `sample ${number} out of order`)
  })
}

function checkWork(header: Header): void {
  if (!hasWork(header)) throw new ProofError('no-work', `block ${header.number}`)
}

/** Numbers of the blocks whose leaves a proof with these headers (the anchor's included) shows, ascending. */
export function shownNumbers(headerNumbers: readonly number[], tipNumber: number): number[] {
  const shown = new Set<number>()
  for (const number of [...headerNumbers, tipNumber]) {
    for (let at = Math.max(0, number - 2); at <= number && at < tipNumber; at++) shown.add(at)
  }
  return [...shown].sort((a, b) => a - b)
}

function arrangeLeaves(
  headers: readonly HashedHeader[],
  neighbours: readonly LeafFacts[],
  tipNumber: number,
  anchor: HashedHeader,
): Shown[] {
  const byNumber = new Map([anchor, ...headers].map((hashed) => [hashed.header.number, hashed]))
  const numbers = shownNumbers([...byNumber.keys()], tipNumber)
  let next = 0
  const shown = numbers.map((number): Shown => {
    const known = byNumber.get(number)
    if (known) {
      const { difficulty, timestamp } = known.header
      return { number, hash: known.hash, difficulty, timestamp, header: known.header }
    }
    const facts = neighbours[next++]
    if (!facts) throw new ProofError('shape', `block ${number} is missing`)
    return { ...facts, number, header: undefined }
  })
  if (next !== neighbours.length) throw new ProofError('shape', `${neighbours.length} neighbours instead of ${next}`)
  return shown
}

/** Parent, time and difficulty of a header by the leaves of the two blocks before it, which the tip commits to as well. */
function checkAgainstParents(header: Header, shown: ReadonlyMap<number, Shown>, params: PowParams): void {
  const parent = shown.get(header.number - 1)!
  if (!equalBytes(header.parentHash, parent.hash)) throw new ProofError('bad-link', `parent of block ${header.number}`)
  if (header.timestamp <= parent.timestamp) throw new ProofError('bad-link', `time of block ${header.number}`)
  const expected =
    header.number < 3 ? params.genesisDifficulty : relativeDifficulty(parent, shown.get(header.number - 2)!, params)
  if (header.difficulty !== expected) throw new ProofError('bad-difficulty', `block ${header.number}`)
}

/** That each place which the tip's hash selects lies in a block whose header is shown: in the tail, or sampled. */
function checkPlaces(seed: Uint8Array, line: WorkLine, shown: readonly Shown[], workBefore: readonly bigint[]): void {
  const places = samplePlaces(seed, line)
  if (!places) throw new ProofError('unbelievable-work', `${line.to} on ${line.tail}`)
  for (const place of places) {
    const at = lastAtOrBelow(workBefore, place)
    const found = shown[at]!
    if (!found.header || place >= workBefore[at]! + found.difficulty) {
      throw new ProofError('place-not-shown', `no block at ${place} of ${line.to}`)
    }
  }
}

/** Index of the last of the ascending `values`, the first of which is 0, that is not above `bound`. */
function lastAtOrBelow(values: readonly bigint[], bound: bigint): number {
  let low = 0
  for (let high = values.length; high - low > 1; ) {
    const middle = (low + high) >> 1
    if (values[middle]! <= bound) low = middle
    else high = middle
  }
  return low
}
