import { transactionsRoot } from '../chain/transactions-root.ts'
import type { ChainParams, Head } from '../chain/types.ts'
import { BoundedMap } from '../consensus/bounded-map.ts'
import { logsBloom } from '../crypto/hashes.ts'
import { keccak256Key } from '../crypto/keccak.ts'
import { decodeAccount, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../primitives/account.ts'
import { encodeTransactions } from '../primitives/block.ts'
import { bytesToBigint, EMPTY_BYTES, equalBytes, toKey } from '../primitives/bytes.ts'
import { StateUnavailableError } from '../primitives/errors.ts'
import type { HashedHeader } from '../primitives/header.ts'
import { encodeReceipt, type Receipt } from '../primitives/receipt.ts'
import { decodeRlp } from '../primitives/rlp.ts'
import type { Transaction } from '../primitives/transaction.ts'
import { bytesCodec, orderedRoot } from '../trie/ordered.ts'
import { verifyProof } from '../trie/proof.ts'
import type { Pacer } from '../trie/update.ts'
import { verifyAncestors } from './ancestors.ts'
import { type AskComponents, askUntilProven, UNAVAILABLE } from './ask.ts'
import { verifyInclusion } from './inclusion.ts'
import type { LightChain } from './light-chain.ts'
import { LightError, PeerFault } from './light-error.ts'
import { HEADERS_PER_REQUEST, MAX_PROVEN_HEADERS } from './limits.ts'
import { ProofError } from './proof-error.ts'
import type { LightRequests, PeerBody, ProofNodes, ProvenAccount, ProvenPlace } from './types.ts'

export interface ReadsComponents {
  readonly chain: LightChain
  readonly params: ChainParams
  readonly requests: LightRequests
  readonly pacer: Pacer
  readonly ask: AskComponents
  /** The block that is answered from. */
  readonly head: () => Head
  /** Peers to ask about a block of this number, in order. */
  readonly peers: (number: number) => readonly string[]
  /** Whether a peer must have the state after a block, by its own claim. */
  readonly mustHold: (peer: string, number: number) => boolean
  /** Code that genesis gave to an account, by its hash: this ledger has no other. */
  readonly genesisCode: (codeHash: Uint8Array) => Uint8Array | undefined
}

/**
 * Reads that end in a proof. Whom an answer came from does not matter: each is checked against a header of the followed chain, up to
 * the head.
 *
 * All of them throw LightError where nobody gives an answer that holds.
 */
export class ProvenReads {
  readonly #parts: ReadsComponents
  /** Below the window, by number. What lies there does not change, as long as no other window has taken its place. */
  #proven = new BoundedMap<number, Head>(MAX_PROVEN_HEADERS)
  #provenFor = 0

  constructor(components: ReadsComponents) {
    this.#parts = components
  }

  /** @returns undefined above the head. */
  async header(number: number): Promise<Head | undefined> {
    const { chain, head } = this.#parts
    if (number > head().header.number) return undefined
    const held = chain.at(number)
    if (held) return held
    const { adoptions } = chain
    if (this.#provenFor !== adoptions) {
      this.#proven = new BoundedMap(MAX_PROVEN_HEADERS)
      this.#provenFor = adoptions
    }
    const remembered = this.#proven.get(number)
    if (remembered) return remembered
    const { params, requests } = this.#parts
    const tip = chain.committed
    const found = await this.#ask(tip.number, async (peer, signal) => {
      const proof = await requests.ancestors(peer, tip.hash, [number], signal)
      return verifyAncestors(params.chainId, tip, [number], proof).headers[0]!
    })
    // Another chain has been proven to be the heaviest while the answer was on its way.
    if (chain.adoptions !== adoptions) return this.header(number)
    if (found === UNAVAILABLE) throw new LightError('no-answer', `no peer shows block ${number}`)
    this.#proven.set(number, found)
    return found
  }

  /** @returns undefined where nobody shows such a block on the followed chain, up to the head: which is no proof that there is none. */
  async headerByHash(hash: Uint8Array): Promise<Head | undefined> {
    const { chain, requests } = this.#parts
    const held = chain.get(hash)
    const number =
      held?.header.number ??
      (await this.#ask(0, async (peer, signal) => {
        const [found] = await requests.headers(peer, { start: hash, count: 1, reverse: true }, signal)
        if (!found || !equalBytes(found.hash, hash)) throw new ProofError('shape', 'another header than asked for')
        return found.header.number
      }))
    if (number === UNAVAILABLE) return undefined
    const there = await this.header(number)
    return there && equalBytes(there.hash, hash) ? there : undefined
  }

  /**
   * A header that was read here and those before it, oldest first: each is the one that its child names. Cost: one request for 512 that
   * are not held.
   */
  async branch(newest: Head, count: number): Promise<Head[]> {
    const { chain, requests } = this.#parts
    const newestFirst: Head[] = [newest]
    for (;;) {
      const last = newestFirst.at(-1)!
      const { number, parentHash } = last.header
      const missing = Math.min(count - newestFirst.length, number)
      if (missing <= 0) return newestFirst.slice(0, count).reverse()
      const held = chain.get(parentHash)
      if (held) {
        newestFirst.push(held)
        continue
      }
      const range = { start: parentHash, count: Math.min(missing, HEADERS_PER_REQUEST), reverse: true }
      const found = await this.#ask(number - 1, async (peer, signal) => {
        const headers = await requests.headers(peer, range, signal)
        checkLinked(parentHash, headers)
        return headers
      })
      if (found === UNAVAILABLE) throw new LightError('no-answer', `no peer shows block ${number - 1}`)
      for (const hashed of found) newestFirst.push({ ...hashed, totalDifficulty: workBefore(newestFirst.at(-1)!) })
    }
  }

  async body({ hash, header }: HashedHeader): Promise<PeerBody> {
    if (equalBytes(header.transactionsRoot, EMPTY_TRIE_ROOT)) {
      return { transactions: [], encoded: encodeTransactions([]) }
    }
    const { requests, pacer } = this.#parts
    const body = await this.#ask(header.number, async (peer, signal) => {
      const found = await requests.body(peer, hash, signal)
      const root = await transactionsRoot(found.transactions, pacer)
      if (root !== toKey(header.transactionsRoot)) throw new ProofError('not-in-block', 'another body')
      return found
    })
    if (body === UNAVAILABLE) throw new LightError('no-answer', `no peer has the body of block ${header.number}`)
    return body
  }

  /** @param transactions  of the block, as `body` gave them. */
  async receipts({ hash, header }: HashedHeader, transactions: readonly Transaction[]): Promise<readonly Receipt[]> {
    if (transactions.length === 0) return []
    const { requests, pacer } = this.#parts
    const types = transactions.map(({ type }) => type)
    const receipts = await this.#ask(header.number, async (peer, signal) => {
      const found = await requests.receipts(peer, hash, types, signal)
      const encoded = found.map((receipt) => encodeReceipt(receipt, logsBloom(receipt.logs)))
      const root = await orderedRoot(encoded, bytesCodec, pacer)
      if (root !== toKey(header.receiptsRoot)) throw new ProofError('not-in-block', 'other receipts')
      return found
    })
    if (receipts === UNAVAILABLE)
      throw new LightError('no-answer', `no peer has the receipts of block ${header.number}`)
    return receipts
  }

  /**
   * @param address  20 bytes. @param slots  32 bytes each. @param at  a header that was read here.
   * @throws StateUnavailableError where nobody holds that state any more.
   */
  async prove(address: Uint8Array, slots: readonly Uint8Array[], at: HashedHeader): Promise<ProvenAccount> {
    const { requests, mustHold } = this.#parts
    const proven = await this.#ask(at.header.number, async (peer, signal) => {
      const nodes = await requests.proof(peer, { blockHash: at.hash, address, slots }, signal).catch((error) => {
        const withheld = requests.faultOf(error) === 'unavailable' && mustHold(peer, at.header.number)
        throw withheld ? new PeerFault('withheld', 'the state of a block that it claims to have') : error
      })
      return readAccountProof(at.header.stateRoot, address, slots, nodes)
    })
    if (proven === UNAVAILABLE) throw new StateUnavailableError()
    return proven
  }

  async code(address: Uint8Array, at: HashedHeader): Promise<Uint8Array> {
    const { account } = await this.prove(address, [], at)
    if (!account || equalBytes(account.codeHash, EMPTY_CODE_HASH)) return EMPTY_BYTES
    const code = this.#parts.genesisCode(account.codeHash)
    if (!code) throw new LightError('no-answer', 'code that no account had at genesis')
    return code
  }

  /** @returns undefined where nobody shows it in a block up to the head: it may wait, not exist, or be withheld. */
  async place(transactionHash: Uint8Array): Promise<ProvenPlace | undefined> {
    const { requests } = this.#parts
    const place = await this.#ask(0, async (peer, signal) => {
      const inclusion = await requests.inclusion(peer, transactionHash, signal)
      const header = await this.header(inclusion.number)
      // In a block above the head, or on another branch for now.
      if (!header || !equalBytes(header.hash, inclusion.blockHash)) return UNAVAILABLE
      return { header, index: inclusion.index, ...verifyInclusion(header.header, transactionHash, inclusion) }
    })
    return place === UNAVAILABLE ? undefined : place
  }

  #ask<T>(number: number, attempt: (peer: string, signal: AbortSignal) => Promise<T | typeof UNAVAILABLE>) {
    const { peers, ask } = this.#parts
    return askUntilProven(peers(number), attempt, ask)
  }
}

/** @throws ProofError unless the first header has this hash, and each of the others is the parent of the one before. */
function checkLinked(hash: Uint8Array, headers: readonly HashedHeader[]): void {
  let expected = hash
  for (const { hash: shown, header } of headers) {
    if (!equalBytes(shown, expected)) throw new ProofError('shape', 'another header than asked for')
    expected = header.parentHash
  }
  if (headers.length === 0) throw new ProofError('shape', 'no header')
}

function workBefore({ header, totalDifficulty }: Head): bigint {
  return totalDifficulty - header.difficulty
}

/** What the nodes show of an account and its storage. @throws ProofError, DecodeError. Cost: one hash a node. */
export function readAccountProof(
  stateRoot: Uint8Array,
  address: Uint8Array,
  slots: readonly Uint8Array[],
  nodes: ProofNodes,
): ProvenAccount {
  if (nodes.slots.length !== slots.length) throw new ProofError('shape', `${nodes.slots.length} slots proven`)
  const leaf = verifyProof(toKey(stateRoot), keccak256Key(address), nodes.account)
  const account = leaf && decodeAccount(leaf)
  const storageRoot = toKey(account?.storageRoot ?? EMPTY_TRIE_ROOT)
  const storage = slots.map((slot, place) => {
    const proof = nodes.slots[place]!
    const value = verifyProof(storageRoot, keccak256Key(slot), proof)
    return { value: value === undefined ? 0n : slotValue(value), proof }
  })
  return { account, accountProof: nodes.account, storage }
}

function slotValue(encoded: Uint8Array): bigint {
  const value = decodeRlp(encoded)
  if (!(value instanceof Uint8Array) || value.length > 32) throw new ProofError('shape', 'a slot that holds no word')
  return bytesToBigint(value)
}
