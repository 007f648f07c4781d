import type { Chain } from '../chain/chain.ts'
import type { Head } from '../chain/types.ts'
import { logsBloom } from '../crypto/hashes.ts'
import { proveAncestors } from '../light/ancestors.ts'
import { proveChain } from '../light/prover.ts'
import type { LightBackend } from '../p2p/reqresp/backend.ts'
import { LIGHT_SHARE } from '../p2p/reqresp/limits.ts'
import { Refused } from '../p2p/reqresp/served-protocol.ts'
import { encodeChainProof } from '../p2p/wire/history.ts'
import { equalBytes } from '../primitives/bytes.ts'
import { encodeReceipt } from '../primitives/receipt.ts'
import { damaged } from '../store/database.ts'
import { bytesCodec, proveOrdered } from '../trie/ordered.ts'
import type { Pacer } from '../trie/update.ts'

export interface LightBackendComponents {
  readonly chain: Chain
  /** Whether headers prove work: without that there is no history to prove. */
  readonly provesWork: boolean
  readonly pacer: Pacer
  readonly monotonicMs: () => number
}

type Within = <T>(work: () => T | Promise<T>) => Promise<T>

/** Has work done while it takes no more than `share` of the time. @throws Refused */
function withinShare(share: number, monotonicMs: () => number): Within {
  let nextMs = 0
  let underWay = false
  return async (work) => {
    const startMs = monotonicMs()
    // How long what is under way will take is not known: 0 says so.
    if (underWay) throw new Refused('rate-limited', 'others ask too')
    if (startMs < nextMs) throw new Refused('rate-limited', 'others ask too', Math.ceil(nextMs - startMs))
    underWay = true
    try {
      return await work()
    } finally {
      underWay = false
      const endMs = monotonicMs()
      nextMs = endMs + (endMs - startMs) * (1 / share - 1)
    }
  }
}

/** A full node's ledger as light nodes ask for it. */
export function lightBackend({ chain, provesWork, pacer, monotonicMs }: LightBackendComponents): LightBackend {
  const { store } = chain
  /** The proof that all newcomers ask for: of the newest tip, from genesis on. */
  let newest: { readonly tip: Uint8Array; readonly encoded: Uint8Array | undefined } | undefined
  // One for each kind: where proofs of work are in demand, those that cost a hundredth of them would never be made.
  const [historyShare, ancestorsShare, inclusionShare] = Array.from({ length: 3 }, () =>
    withinShare(LIGHT_SHARE / 3, monotonicMs),
  ) as [Within, Within, Within]
  const canonical = (hash: Uint8Array): Head | undefined => {
    const found = store.header(hash)
    if (!found || found.header.number > chain.head.header.number) return undefined
    const there = store.canonicalHash(found.header.number)
    return there && equalBytes(there, hash) ? found : undefined
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
      const fromGenesis = anchor.header.number === 0
      if (fromGenesis && newest && equalBytes(newest.tip, tip.hash)) return newest.encoded
      const encoded = await historyShare(() => {
        const proof = proveChain({ ...source, tip }, anchor.header.number)
        return proof && encodeChainProof(proof)
      })
      if (fromGenesis && equalBytes(tip.hash, chain.head.hash)) newest = { tip: tip.hash, encoded }
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
      const hash = location && store.canonicalHash(location.blockNumber)
      if (!location || !hash || location.blockNumber > chain.head.header.number) return undefined
      return inclusionShare(async () => {
        const executed = store.executed(hash)
        if (!executed) throw damaged(`block ${location.blockNumber} is missing`)
        const { index } = location
        const raws = executed.transactions.map(({ tx }) => tx.raw)
        const receipts = executed.receipts.map((receipt) => encodeReceipt(receipt, logsBloom(receipt.logs)))
        const places = index === 0 ? [index] : [index, index - 1]
        const [transaction] = await proveOrdered(raws, bytesCodec, [index], pacer)
        const [receipt, receiptBefore = []] = await proveOrdered(receipts, bytesCodec, places, pacer)
        return {
          blockHash: hash,
          number: location.blockNumber,
          index,
          transaction: transaction!,
          receipt: receipt!,
          receiptBefore,
        }
      })
    },
  }
}
