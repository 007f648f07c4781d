import { publicKeyFromProtobuf } from '@libp2p/crypto/keys'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { type Key, toKey } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { DecodeError } from '../primitives/errors.ts'
import type { GossipChain } from './block-gossip.ts'
import {
  MAX_SIGHTED_BLOCKS,
  MAX_SIGHTING_DEPTH,
  MAX_SIGHTING_SKEW_MS,
  MAX_SIGHTINGS,
  SIGHTING_ALLOWANCE,
  SIGHTING_DELAY_MS,
} from './limits.ts'
import { PeerBuckets } from './peer-buckets.ts'
import type { PropagationRecord, PropagationWatch } from './propagation.ts'
import type { GossipVerdict } from './verdict.ts'
import { decodeSighting, encodeSighting, type SignedSighting, sightingSigningBytes } from './wire/sighting.ts'

export interface SightingGossipComponents {
  readonly chain: Pick<GossipChain, 'head' | 'has'>
  readonly genesisHash: Uint8Array
  readonly watch: Pick<PropagationWatch, 'block'>
  readonly clock: Clock
  /** This node's key, in libp2p's protobuf form, and what signs with it. */
  readonly publicKey: Uint8Array
  readonly sign: (bytes: Uint8Array) => Promise<Uint8Array>
  readonly publish: (data: Uint8Array) => void
  readonly onError: (error: unknown) => void
}

/** When a node says that it first saw a block. */
export interface Sighted {
  /** Its peer id. */
  readonly peer: string
  /** Since the Unix epoch, by its clock. */
  readonly seenMs: number
}

/**
 * The `sighting` topic: nodes that take part tell each other when a block first came to them, so that each can draw its way through the
 * whole network. All of it is their word alone: keys cost nothing, and clocks differ. Of a block made here nothing is said, since that
 * would name its miner.
 */
export class SightingGossip {
  readonly #parts: SightingGossipComponents
  /** By block, in the order in which they were first heard of, then by signer. */
  readonly #sightings = new Map<Key, Map<string, number>>()
  readonly #allowances = new PeerBuckets(SIGHTING_ALLOWANCE)
  readonly #waiting = new Set<() => void>()

  constructor(components: SightingGossipComponents) {
    this.#parts = components
  }

  /** Earliest first; those of this node are among them. */
  of(hash: Uint8Array): readonly Sighted[] {
    const sightings = this.#sightings.get(toKey(hash)) ?? []
    return [...sightings].map(([peer, seenMs]) => ({ peer, seenMs })).sort((a, b) => a.seenMs - b.seenMs)
  }

  stop(): void {
    for (const cancel of this.#waiting) cancel()
  }

  /** To be called when a block that was watched has become part of the chain. */
  follow({ hash, number, from, firstSeenMs }: PropagationRecord): void {
    if (from === undefined || number === undefined || this.#isDeep(number)) return
    const { clock, publicKey, onError } = this.#parts
    // Neighbours let lie what they are told of a block that they have not executed.
    const cancel = clock.after(SIGHTING_DELAY_MS, () => {
      this.#waiting.delete(cancel)
      this.#tell({ blockHash: hash, number, seenAtMs: firstSeenMs, publicKey }).catch(onError)
    })
    this.#waiting.add(cancel)
  }

  async handle(data: Uint8Array, from: string): Promise<GossipVerdict> {
    const sighting = decode(data)
    if (sighting === undefined) return 'reject'
    const { genesisHash } = this.#parts
    const peer = signerOf(sighting)
    if (peer === undefined) return 'reject'
    const nowMs = this.#parts.clock.nowMs()
    if (!this.#isWanted(sighting, peer.id) || !this.#allowances.of(from, nowMs).take(1, nowMs)) return 'ignore'
    if (!(await peer.key.verify(sightingSigningBytes(genesisHash, sighting), sighting.signature))) return 'reject'
    // Others may have come while this one was checked.
    return this.#isWanted(sighting, peer.id) && this.#note(sighting, peer.id) ? 'accept' : 'ignore'
  }

  async #tell(sighting: Omit<SignedSighting, 'signature'>): Promise<void> {
    const { genesisHash, sign, publish } = this.#parts
    const signed = { ...sighting, signature: await sign(sightingSigningBytes(genesisHash, sighting)) }
    if (this.#note(signed, signerOf(signed)!.id)) publish(encodeSighting(signed))
  }

  #isDeep(number: number): boolean {
    return number + MAX_SIGHTING_DEPTH < this.#parts.chain.head.header.number
  }

  /** Whether the block is one that is known and new, and has room for the word of another. */
  #isWanted({ blockHash, number, seenAtMs }: SignedSighting, signer: string): boolean {
    const { chain, watch } = this.#parts
    const seen = watch.block(blockHash)
    if (seen?.number !== number || this.#isDeep(number) || !chain.has(blockHash)) return false
    if (Math.abs(seenAtMs - seen.firstSeenMs) > MAX_SIGHTING_SKEW_MS) return false
    const sightings = this.#sightings.get(toKey(blockHash))
    return sightings === undefined || (sightings.size < MAX_SIGHTINGS && !sightings.has(signer))
  }

  /** @returns whether there was room. */
  #note({ blockHash, seenAtMs }: SignedSighting, signer: string): boolean {
    const key = toKey(blockHash)
    const sightings = this.#sightings.get(key) ?? new Map<string, number>()
    if (sightings.size >= MAX_SIGHTINGS) return false
    this.#sightings.set(key, sightings.set(signer, seenAtMs))
    if (this.#sightings.size > MAX_SIGHTED_BLOCKS) this.#sightings.delete(this.#sightings.keys().next().value!)
    return true
  }
}

function decode(data: Uint8Array): SignedSighting | undefined {
  try {
    return decodeSighting(data)
  } catch (error) {
    if (error instanceof DecodeError) return undefined
    throw error
  }
}

/** undefined: the key is none. */
function signerOf({ publicKey }: SignedSighting) {
  try {
    const key = publicKeyFromProtobuf(publicKey)
    return { key, id: peerIdFromPublicKey(key).toString() }
  } catch {
    return undefined
  }
}
