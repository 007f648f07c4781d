import { toHex } from '../../primitives/bytes.ts'
import type { HashedHeader } from '../../primitives/header.ts'
import type { Backends, BlockRef } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import { INVALID_PARAMS, RpcError, SERVER_ERROR } from '../errors.ts'
import type { JsonObject } from '../json.ts'
import type { HistoryBackend, LightBackend } from '../light.ts'
import { MAX_SYNC_WAIT_MS } from '../limits.ts'
import { blockRef, count, LATEST, optional } from '../schema.ts'
import { BOOLEAN, BYTES, HASH, mapOf, named, nullable, QUANTITY, shape, UINT } from '../shapes.ts'
import { stateHeader } from '../state-header.ts'

const BLOCK_NAME = named('BlockName', shape({ number: QUANTITY, hash: HASH }))
const EARLIEST: BlockRef = { tag: 'earliest' }

/** `idobata_`: waiting for a node to be at the head. */
export function idobataSyncMethods({ chain, node }: Pick<Backends, 'chain' | 'node'>): MethodTable {
  return {
    idobata_waitUntilSynced: method({
      summary:
        'Answers as soon as the node is at the head of what its peers have, with that block; after `timeoutMs` at the latest (25,000 at most, and by default), then with false and null.',
      params: { timeoutMs: optional(count, MAX_SYNC_WAIT_MS) },
      result: shape({ synced: BOOLEAN, head: nullable(BLOCK_NAME) }),
      handler: async ({ timeoutMs }) => {
        const synced = await node.untilSynced(Math.min(timeoutMs, MAX_SYNC_WAIT_MS))
        return { synced, head: synced ? blockName(await chain.head()) : null }
      },
    }),
  }
}

/** `idobata_`: how a light node stands. */
export function idobataLightMethods(light: LightBackend): MethodTable {
  return {
    idobata_lightStatus: method({
      summary:
        'How a light node stands: its stage (connecting, proving or following), what it answers from, how far the proven chain goes, what its peers claim, bytes received, headers sampled, peers found at fault.',
      params: {},
      result: shape({
        stage: { enum: ['connecting', 'proving', 'following'] },
        head: BLOCK_NAME,
        tip: BLOCK_NAME,
        highestClaimed: QUANTITY,
        receivedBytes: UINT,
        peers: UINT,
        vouching: UINT,
        samples: UINT,
        faults: mapOf(UINT),
      }),
      handler: () => {
        const { head, tip, highestClaimed, faults, ...rest } = light.status()
        return {
          ...rest,
          head: blockName(head),
          tip: blockName(tip),
          highestClaimed: quantity(highestClaimed),
          faults: { ...faults },
        }
      },
    }),
  }
}

/** `idobata_`: what light nodes are shown, for whoever wants to look at it. */
export function idobataHistoryMethods({ chain }: Pick<Backends, 'chain'>, history: HistoryBackend): MethodTable {
  return {
    idobata_historyProof: method({
      summary:
        'Proves the work between two canonical blocks (by default from genesis to the head) as light nodes are shown it: `proof` is the answer of `history/1` on the wire.',
      params: { anchor: optional(blockRef, EARLIEST), tip: optional(blockRef, LATEST) },
      result: shape({ anchor: BLOCK_NAME, tip: BLOCK_NAME, proof: BYTES }),
      handler: async ({ anchor: anchorRef, tip: tipRef }) => {
        const [anchor, tip] = [await stateHeader(chain, anchorRef), await stateHeader(chain, tipRef)]
        if (anchor.header.number >= tip.header.number) {
          throw new RpcError(INVALID_PARAMS, 'invalid argument 1 (tip): not above the anchor')
        }
        const proof = await history.prove(anchor.hash, tip.hash)
        if (!proof) throw new RpcError(SERVER_ERROR, 'no proof: the blocks are not both on the canonical chain')
        return { anchor: blockName(anchor), tip: blockName(tip), proof: toHex(proof) }
      },
    }),
  }
}

function blockName({ hash, header }: HashedHeader): JsonObject {
  return { number: quantity(header.number), hash: toHex(hash) }
}
