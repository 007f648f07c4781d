import { HeaderBranch } from '../chain/header-branch.ts'
import { appendLeaf, historyLeaf } from '../chain/history.ts'
import type { ChainParams, Head } from '../chain/types.ts'
import type { Engine } from '../consensus/engine.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { type AncestorsProof, verifyAncestors } from './ancestors.ts'
import type { Segment } from './light-chain.ts'
import { PeerFault } from './light-error.ts'

/** Blocks below a stretch of signed headers that it must be shown to stand on. */
export interface SignedRange {
  /** Ascending: genesis, what was known before where that lies below, and the first of the headers. */
  readonly numbers: readonly number[]
  readonly known: readonly HashedHeader[]
}

/** @param anchor  the newest block that the chain must have. @param headers  ascending, the last of a chain. */
export function signedRange(
  genesis: HashedHeader,
  anchor: HashedHeader,
  headers: readonly HashedHeader[],
): SignedRange {
  const start = headers[0]!.header.number
  const below = [genesis, anchor].filter(
    ({ header }, place) => header.number < start && (place === 0 || header.number > 0),
  )
  return { numbers: [...below.map(({ header }) => header.number), start], known: below }
}

/**
 * Proof of authority without all headers: the newest ones have been sealed by more than two thirds of the signers, who were bound to
 * commit to the chain below; that it holds our genesis shows that they meant this network.
 *
 * The first few cannot be judged, since the engine looks at ancestors: as many as a signer has to wait. They count because
 * those after them commit to them.
 *
 * @returns undefined: too few signers sealed the last headers, so that only all of them can tell.
 * @throws PeerFault, ProofError, BlockError
 */
export function readSignedSegment(
  { numbers, known }: SignedRange,
  headers: readonly HashedHeader[],
  proof: AncestorsProof,
  { params, engine, signers }: { readonly params: ChainParams; readonly engine: Engine; readonly signers: number },
): Segment | undefined {
  const tip = headers.at(-1)!.header
  const committed = { number: tip.number, commitment: tip.extraData.subarray(0, 32) }
  const shown = verifyAncestors(params.chainId, committed, numbers, proof)
  for (const [place, expected] of [...known, headers[0]!].entries()) {
    if (!equalBytes(shown.headers[place]!.hash, expected.hash)) {
      throw new PeerFault('bad-proof', `another block ${expected.header.number}`)
    }
  }
  const before = shown.before.at(-1)!
  const unjudged = headers.slice(0, Math.floor(signers / 2) + 1)
  const byHash = new Map<Key, HashedHeader>(unjudged.map((hashed) => [toKey(hashed.hash), hashed]))
  let base: Head = shown.headers.at(-1)!
  let peaks = before
  for (const [place, { hash, header }] of unjudged.entries()) {
    if (place > 0) base = { hash, header, totalDifficulty: base.totalDifficulty + engine.weight(header) }
    peaks = appendLeaf(peaks, historyLeaf(hash, header)).peaks
  }
  const branch = new HeaderBranch(
    { ...base, peaks },
    { params, engine, known: (hash) => byHash.get(toKey(hash))?.header },
  )
  const sealers = new Set<Key>()
  for (const hashed of headers.slice(unjudged.length)) {
    branch.extend(hashed)
    sealers.add(toKey(hashed.header.miner))
  }
  if (3 * sealers.size <= 2 * signers) return undefined
  return { before, headers, totalDifficulty: branch.tip.totalDifficulty }
}
