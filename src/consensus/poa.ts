import { headerHash } from '../crypto/hashes.ts'
import { isCanonicalSignature } from '../crypto/sender.ts'
import type { SignedHash } from '../crypto/signers-question.ts'
import { assert } from '../primitives/assert.ts'
import { compareBytes, concatBytes, EMPTY_BYTES, equalBytes, type Key, toHex, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { BlockError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import { decodeOverride, encodeOverride, isOverride } from './account-override.ts'
import { parentOf } from './ancestry.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Durable } from './durable.ts'
import type { Ancestry, Engine } from './engine.ts'
import type { SealEvidence } from './evidence.ts'
import { SealQuorum } from './poa-quorum.ts'

export interface PoaParams {
  /** Addresses of 20 bytes, each once, in the order of genesis. */
  readonly signers: readonly Uint8Array[]
  /** Seconds between blocks at least; 0: a block as soon as a transaction is pending. */
  readonly periodSec: number
  /** Seconds that a header may be ahead of the clock; undefined (`--dev`): no bound, and sealing never waits for the clock. */
  readonly maxFutureSeconds: number | undefined
  /** Whether a block may set an account (`--dev`). */
  readonly accountOverrides?: boolean
}

export interface BlockSigner {
  readonly address: Uint8Array
  /** Signs a 32-byte hash: r ‖ s ‖ yParity, 65 bytes, s in the lower half. */
  signHash(hash: Uint8Array): Uint8Array | Promise<Uint8Array>
}

export interface PoaComponents {
  readonly clock: Clock
  /** Address that signed `hash` with r ‖ s ‖ yParity; undefined if no key could have. */
  recoverSigner(hash: Uint8Array, signature: Uint8Array): Uint8Array | undefined
  /** The same for many at once, on other threads; absent: there are none. */
  recoverSigners?(signed: readonly SignedHash[]): Promise<readonly (Uint8Array | undefined)[]>
  /** Absent on a node that does not seal. */
  readonly signer?: BlockSigner
  /** Number of the highest block that the signer has sealed; absent: forgotten with the engine. */
  readonly highestSealed?: Durable<number>
  /** Told of every verified header; stops this node's sealing once it holds two conflicting final blocks. */
  readonly evidence?: SealEvidence
}

export const IN_TURN_DIFFICULTY = 2n
export const OUT_OF_TURN_DIFFICULTY = 1n
/**
 * Milliseconds by which each next signer waits longer when the one in turn stays silent. Longer than a block takes to
 * arrive, so that normally one of them seals; not a rule that others check.
 */
export const OUT_OF_TURN_STEP_MS = 500

const ROOT_BYTES = 32
const SIGNATURE_BYTES = 65
/** With nothing between root and signature. */
const EXTRA_DATA_BYTES = ROOT_BYTES + SIGNATURE_BYTES
const NO_SIGNATURE = new Uint8Array(SIGNATURE_BYTES)
const NO_MIX_HASH = new Uint8Array(32)
const NO_NONCE = new Uint8Array(8)
/**
 * Headers whose verdict is remembered, some 3 MB: one is seen when a peer's chain is counted, again when its headers are
 * downloaded, again with its block, and a signature takes as long to check as three transfers take to execute.
 */
const REMEMBERED_HEADERS = 32_768
/** Headers whose signer is known ahead of their verdict, some 0.2 MB: two answers of a peer, and what is left of one before it. */
const RECOVERED_AHEAD = 2_048

/** What the signer signs: the hash of the header without the signature at the end of its `extraData`. */
export function poaSealHash(header: Header): Uint8Array {
  return headerHash({ ...header, extraData: header.extraData.subarray(0, -SIGNATURE_BYTES) })
}

/** Proof of authority by signers fixed in genesis: docs/protocol.md, "Consensus: poa and --dev". */
export function createPoa(params: PoaParams, components: PoaComponents): Engine {
  const { signers, maxFutureSeconds } = params
  const { clock, signer, evidence, recoverSigners } = components
  const places = new Map<Key, number>(signers.map((address, place) => [toKey(address), place]))
  assert(signers.length > 0, 'poa without signers')
  assert(places.size === signers.length, 'poa with a signer listed twice')
  const quorum = new SealQuorum(signers.length)
  const verified = new BoundedMap<Key, true>(REMEMBERED_HEADERS)
  /** Whether the miner has signed, of headers that are to be verified next. */
  const recoveredAhead = new BoundedMap<Key, boolean>(RECOVERED_AHEAD)
  let highestSealed = components.highestSealed?.load() ?? 0
  /** When this node was first asked to seal on the parent it was last asked about. */
  let asked: { readonly parent: Key; readonly atMs: number } | undefined

  const placeOf = (address: Uint8Array) => places.get(toKey(address))
  /** Blocks since the signer at `place` was in turn: 0 when it is. */
  const sinceTurn = (number: number, place: number) =>
    ((number % signers.length) - place + signers.length) % signers.length
  const difficultyAt = (number: number, place: number) =>
    sinceTurn(number, place) === 0 ? IN_TURN_DIFFICULTY : OUT_OF_TURN_DIFFICULTY
  const earliestTimestamp = (parent: Header) => parent.timestamp + Math.max(1, params.periodSec)

  /** Places of those who may not seal on `parent`, having sealed one of the last ⌊n/2⌋ blocks. Cost: as many look-ups. */
  function recentPlaces(parent: Header, ancestry: Ancestry): Set<number> {
    const recent = new Set<number>()
    let header = parent
    for (let left = Math.floor(signers.length / 2); left > 0 && header.number > 0; left--) {
      recent.add(placeOf(header.miner)!)
      header = parentOf(header, ancestry).header
    }
    return recent
  }

  function isSignedByMiner(hash: Key, header: Header): boolean {
    return (
      recoveredAhead.get(hash) ?? isMiner(header, components.recoverSigner(poaSealHash(header), signatureOf(header)))
    )
  }

  /** Headers whose seal a verdict may hang on: the rest of what a peer sends is not worth a signature's time. */
  function isWorthRecovering({ hash, header }: HashedHeader): boolean {
    const { extraData, miner } = header
    if (extraData.length < EXTRA_DATA_BYTES || placeOf(miner) === undefined) return false
    const key = toKey(hash)
    return hasCanonicalSeal(header) && !verified.has(key) && !recoveredAhead.has(key)
  }

  function checkHeader(hash: Key, header: Header, parent: Header, ancestry: Ancestry): void {
    const { extraData, mixHash, nonce, number, timestamp, difficulty, miner } = header
    const hasOverride = params.accountOverrides && extraData.length > EXTRA_DATA_BYTES
    if (hasOverride ? !isOverride(overrideBytes(header)) : extraData.length !== EXTRA_DATA_BYTES) {
      throw new BlockError('bad-extra-data', { sizeBytes: extraData.length, expected: EXTRA_DATA_BYTES })
    }
    if (!equalBytes(mixHash, NO_MIX_HASH) || !equalBytes(nonce, NO_NONCE)) throw new BlockError('bad-seal')
    const earliest = earliestTimestamp(parent)
    if (timestamp < earliest) {
      throw new BlockError('timestamp-not-after-parent', { timestamp, parentTimestamp: parent.timestamp, earliest })
    }
    const place = placeOf(miner)
    if (place === undefined) throw new BlockError('unauthorized-signer', { miner: toHex(miner) })
    const expected = difficultyAt(number, place)
    if (difficulty !== expected) throw new BlockError('bad-difficulty', { difficulty, expected })
    if (recentPlaces(parent, ancestry).has(place)) throw new BlockError('signed-recently', { miner: toHex(miner) })
    if (!equalBytes(extraData.subarray(0, ROOT_BYTES), ancestry.historyRoot())) throw new BlockError('bad-history-root')
    if (!hasCanonicalSeal(header)) throw new BlockError('bad-seal')
    if (!isSignedByMiner(hash, header)) throw new BlockError('bad-seal')
  }

  /** Signers of whom each waits for those before it: the ones that may seal on `parent`, the latest in turn first. */
  function placesInLine(parent: Header, ancestry: Ancestry): number[] {
    const recent = recentPlaces(parent, ancestry)
    const number = parent.number + 1
    return signers
      .map((_, place) => place)
      .filter((place) => !recent.has(place))
      .sort((a, b) => sinceTurn(number, a) - sinceTurn(number, b))
  }

  /** When to seal, in clock milliseconds. A fresh template on the same parent does not begin the wait anew. */
  function startMs(header: Header, parent: Header, turnsToWait: number): number {
    const key = toKey(header.parentHash)
    if (asked?.parent !== key) asked = { parent: key, atMs: clock.nowMs() }
    const waitMs = turnsToWait * OUT_OF_TURN_STEP_MS
    if (maxFutureSeconds === undefined) return asked.atMs + waitMs
    return Math.max(header.timestamp * 1_000, Math.max(asked.atMs, earliestTimestamp(parent) * 1_000) + waitMs)
  }

  return {
    name: 'poa',
    maxFutureSeconds,
    sealsEmptyBlocks: params.periodSec > 0,
    requiredMiner: signer?.address,
    reorgsFinal: false,
    commitsToHistory: true,
    earliestTimestamp,

    verifyHeader({ hash, header }, parent, ancestry) {
      const key = toKey(hash)
      if (verified.has(key)) return
      checkHeader(key, header, parent, ancestry)
      verified.set(key, true)
      evidence?.observe(quorum.of({ hash, header }, ancestry), ancestry)
    },

    ...(recoverSigners && {
      async recoverSeals(headers: readonly HashedHeader[]) {
        const open = headers.filter(isWorthRecovering)
        const signed = open.map(({ header }) => ({ hash: poaSealHash(header), signature: signatureOf(header) }))
        const recovered = await recoverSigners(signed)
        for (const [i, { hash, header }] of open.entries()) {
          recoveredAhead.set(toKey(hash), isMiner(header, recovered[i]))
        }
      },
    }),

    prepare(parent, _timestamp, ancestry, override) {
      const place = signer && placeOf(signer.address)
      return {
        difficulty: place === undefined ? IN_TURN_DIFFICULTY : difficultyAt(parent.number + 1, place),
        extraData: concatBytes(
          ancestry.historyRoot(),
          override === undefined ? EMPTY_BYTES : encodeOverride(override),
          NO_SIGNATURE,
        ),
        mixHash: NO_MIX_HASH,
        nonce: NO_NONCE,
      }
    },

    async seal(header, parent, ancestry, signal) {
      if (signer === undefined) return undefined
      assert(equalBytes(header.miner, signer.address), 'sealing a header of another miner')
      const place = placeOf(signer.address)
      const line = placesInLine(parent, ancestry)
      const ahead = place === undefined ? -1 : line.indexOf(place)
      if (ahead === -1) return undefined
      // A second block at a height already sealed would be evidence against this signer: everyone else goes first.
      const turnsToWait = header.number > highestSealed ? ahead : ahead + signers.length - 1
      if (!(await waitUntil(clock, startMs(header, parent, turnsToWait), signal))) return undefined
      if (evidence?.conflictingFinal !== undefined) return undefined
      if (header.number > highestSealed) {
        highestSealed = header.number
        // Before there is a signature: one that leaves and is forgotten would be followed by a second at its height.
        await components.highestSealed?.save(highestSealed)
      }
      const signature = await signer.signHash(poaSealHash(header))
      return { ...header, extraData: concatBytes(header.extraData.subarray(0, -SIGNATURE_BYTES), signature) }
    },

    reward: () => 0n,
    ...(params.accountOverrides && {
      override: (header: Header) =>
        header.extraData.length > EXTRA_DATA_BYTES ? decodeOverride(overrideBytes(header)) : undefined,
    }),
    weight: (header) => header.difficulty,

    /** In EIP-3436's manner: the lower block, the one whose signer was in turn more recently, the smaller hash. */
    winsTie(challenger, head) {
      const higher = challenger.header.number - head.header.number
      if (higher !== 0) return higher < 0
      const since = ({ number, miner }: Header) => sinceTurn(number, placeOf(miner)!)
      const later = since(challenger.header) - since(head.header)
      if (later !== 0) return later < 0
      return compareBytes(challenger.hash, head.hash) < 0
    },

    finality(head, ancestry) {
      const branch = quorum.of({ hash: headerHash(head), header: head }, ancestry)
      evidence?.head(branch, ancestry)
      return { safe: quorum.safeNumber(branch), finalized: branch.finalized?.header.number ?? 0 }
    },
  }
}

/** What stands between root and signature. */
function overrideBytes({ extraData }: Header): Uint8Array {
  return extraData.subarray(ROOT_BYTES, -SIGNATURE_BYTES)
}

function signatureOf({ extraData }: Header): Uint8Array {
  return extraData.subarray(-SIGNATURE_BYTES)
}

function isMiner({ miner }: Header, address: Uint8Array | undefined): boolean {
  return address !== undefined && equalBytes(address, miner)
}

/** Anyone can turn s into n - s: a second hash for the same block, which would look like its signer's double seal. */
function hasCanonicalSeal(header: Header): boolean {
  const signature = signatureOf(header)
  return isCanonicalSignature(signature.subarray(0, 32), signature.subarray(32, 64)) && signature[64]! <= 1
}

/** @returns false if `signal` aborts first. */
function waitUntil(clock: Clock, timeMs: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return Promise.resolve(false)
  const delayMs = timeMs - clock.nowMs()
  if (delayMs <= 0) return Promise.resolve(true)
  return new Promise((resolve) => {
    const onAbort = () => {
      cancel()
      resolve(false)
    }
    const cancel = clock.after(delayMs, () => {
      signal.removeEventListener('abort', onAbort)
      resolve(true)
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
