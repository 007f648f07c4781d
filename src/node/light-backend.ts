import type { Chain } from '../chain/chain.ts'
import type { Head } from '../chain/types.ts'
import { BoundedMap } from '../consensus/bounded-map.ts'
import { logsBloom } from '../crypto/hashes.ts'
import { proveAncestors } from '../light/ancestors.ts'
import { ANCHOR_STEP } from '../light/limits.ts'
import { proveChain } from '../light/prover.ts'
import type { LightBackend } from '../p2p/reqresp/backend.ts'
import { LIGHT_BURST_MS, LIGHT_SHARE, MAX_KEPT_PROOFS, MAX_KEPT_TRIES } from '../p2p/reqresp/limits.ts'
import { Refused } from '../p2p/reqresp/served-protocol.ts'
import { TokenBucket } from '../p2p/token-bucket.ts'
import { encodeChainProof } from '../p2p/wire/history.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { encodeReceipt } from '../primitives/receipt.ts'
import { damaged } from '../store/database.ts'
import { bytesCodec, orderedProver } from '../trie/ordered.ts'
import type { Pacer } from '../trie/update.ts'

export interface LightBackendComponents {
  readonly chain: Chain
  /** Whether headers prove work: without that there is no history to prove. */
  readonly provesWork: boolean
  readonly pacer: Pacer
  readonly monotonicMs: () => number
}

/** Proves by place that something is in a block. */
interface BlockProver {
  readonly transaction: (index: number) => Uint8Array[]
  readonly receipt: (index: number) => Uint8Array[]
}

type Within = <T>(work: () => T | Promise<T>) => Promise<T>

/** Has work done while it takes no more than `share` of the time, beside a little that may be taken at once. @throws Refused */
function withinShare(share: number, monotonicMs: () => number): Within {
  const time = new TokenBucket({ capacity: LIGHT_BURST_MS, perSecond: 1_000 * share }, monotonicMs())
  let underWay = false
  return async (work) => {
    const startMs = monotonicMs()
    // How long what is under way will take is not known: 0 says so.
    if (underWay) throw new Refused('rate-limited', 'others ask too')
    const waitMs = time.waitMs(startMs)
    if (waitMs > 0) throw new Refused('rate-limited', 'others ask too', waitMs)
    underWay = true
    try {
      return await work()
    } finally {
      underWay = false
      const endMs = monotonicMs()
      time.charge(endMs - startMs, Number.POSITIVE_INFINITY, endMs)
    }
  }
}

/** A full node's ledger as light nodes ask for it. */
export function lightBackend({ chain, provesWork, pacer, monotonicMs }: LightBackendComponents): LightBackend {
  const { store } = chain
  /** By anchor: all newcomers ask for the same proof of the newest tip, and so do those who come back after as long. */
  let newest = { tip: chain.genesisHash, proofs: new BoundedMap<Key, Uint8Array>(MAX_KEPT_PROOFS) }
  const provers = new BoundedMap<Key, BlockProver>(MAX_KEPT_TRIES)
  // One for each kind: where proofs of work are in demand, those that cost a hundredth of them would never be made; and who asks for what
  // nobody else does must not keep from the others what is made for all of them.
  const [sharedShare, historyShare, ancestorsShare, inclusionShare] = Array.from({ length: 4 }, () =>
    withinShare(LIGHT_SHARE / 4, monotonicMs),
  ) as [Within, Within, Within, Within]
  const canonical = (hash: Uint8Array): Head | undefined => {
    const found = store.header(hash)
    if (!found || found.header.number > chain.head.header.number) return undefined
    const there = store.canonicalHash(found.header.number)
    return there && equalBytes(there, hash) ? found : undefined
  }
  const kept = (tip: Head, { header: { number } }: Head) => {
    if (number % ANCHOR_STEP !== 0 || !equalBytes(tip.hash, chain.head.hash)) return undefined
    if (!equalBytes(tip.hash, newest.tip)) newest = { tip: tip.hash, proofs: new BoundedMap(MAX_KEPT_PROOFS) }
    return newest.proofs
  }
  const proverOf = async (hash: Uint8Array, number: number): Promise<BlockProver> => {
    const executed = store.executed(hash)
    if (!executed) throw damaged(`block ${number} is missing`)
    const raws = executed.transactions.map(({ tx }) => tx.raw)
    const receipts = executed.receipts.map((receipt) => encodeReceipt(receipt, logsBloom(receipt.logs)))
    const prover = {
      transaction: await orderedProver(raws, bytesCodec, pacer),
      receipt: await orderedProver(receipts, bytesCodec, pacer),
    }
    provers.set(toKey(hash), prover)
    return prover
  }
  const source = {
    header(number: number) {
      const hash = store.canonicalHash(number)
      const found = hash && store.header(hash)
      if (!found) throw damaged(`header ${number} is missing`)
      return found
    },
    historyNode(height: number, index: number) {
      const node = store.historyNode(height, index)
      if (!node) throw damaged(`history node ${height}/${index} is missing`)
      return node
    },
  }

  return {
    async history({ anchorHash, tipHash }) {
      const tip = tipHash ? canonical(tipHash) : chain.head
      const anchor = canonical(anchorHash)
      if (!provesWork || !tip || !anchor || anchor.header.number >= tip.header.number) return undefined
      const proofs = kept(tip, anchor)
      const known = proofs?.get(toKey(anchorHash))
      if (known) return known
      const { number } = anchor.header
      const prove = () => {
        const proof = proveChain({ ...source, tip }, number)
        return proof && encodeChainProof(proof)
      }
      // From genesis on it is one for each new head: nobody can have more of them made.
      const encoded = proofs && number === 0 ? prove() : await (proofs ? sharedShare : historyShare)(prove)
      if (encoded) proofs?.set(toKey(anchorHash), encoded)
      return encoded
    },

    async ancestors({ tipHash, numbers }) {
      const tip = canonical(tipHash)
      if (!tip || numbers.at(-1)! >= tip.header.number) return undefined
      const headers = { ...source, header: (number: number) => source.header(number).header }
      return ancestorsShare(() => proveAncestors(numbers, tip.header.number, headers))
    },

    async inclusion(transactionHash) {
      const location = store.transactionLocation(transactionHash)
      if (!location || location.blockNumber > chain.head.header.number) return undefined
      const { blockHash: hash, blockNumber: number, index } = location
      const prover = provers.get(toKey(hash)) ?? (await inclusionShare(() => proverOf(hash, number)))
      return {
        blockHash: hash,
        number,
        index,
        transaction: prover.transaction(index),
        receipt: prover.receipt(index),
        receiptBefore: index === 0 ? [] : prover.receipt(index - 1),
      }
    },
  }
}
