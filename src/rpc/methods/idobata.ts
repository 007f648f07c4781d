import { toHex } from '../../primitives/bytes.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import type { JsonObject } from '../json.ts'
import type { NetworkBackend, NetworkPeer, Propagation } from '../network.ts'
import { hash32 } from '../schema.ts'
import { BOOLEAN, HASH, listOf, named, nullable, QUANTITY, shape, TEXT, UINT } from '../shapes.ts'

const PEER = named(
  'Peer',
  shape({
    id: TEXT,
    agent: TEXT,
    address: TEXT,
    inbound: BOOLEAN,
    route: { enum: ['direct', 'mapped', 'relayed'] },
    connectedMs: UINT,
    roundTripMs: nullable(UINT),
    score: { type: 'number' },
    head: shape({ hash: HASH, number: QUANTITY, totalDifficulty: QUANTITY }),
  }),
)

const PERCENTILES = named('Percentiles', shape({ count: UINT, p50: UINT, p90: UINT, p99: UINT }))

const PROPAGATION = named(
  'Propagation',
  shape(
    {
      hash: HASH,
      firstSeenMs: UINT,
      from: nullable(TEXT),
      arrivals: listOf(shape({ peer: TEXT, afterMs: UINT })),
      validAfterMs: nullable(UINT),
    },
    {
      number: QUANTITY,
      rebuiltAfterMs: nullable(UINT),
      transactions: nullable(UINT),
      missing: nullable(UINT),
      sightings: listOf(shape({ peer: TEXT, seenMs: UINT })),
      wave: PERCENTILES,
    },
  ),
)

/** `idobata_`: peers, and how blocks and transactions spread. Times are whole milliseconds. */
export function idobataMethods(network: NetworkBackend): MethodTable {
  return {
    idobata_peers: method({
      summary: 'Connected peers: who, where, since when, how far, and how well they behave.',
      params: {},
      result: listOf(PEER),
      handler: () => network.peers().map(encodePeer),
    }),
    idobata_propagation: method({
      summary:
        'How a block or a transaction came to this node: from whom first, from whom later, and when it was valid.',
      params: { hash: hash32 },
      result: nullable(PROPAGATION),
      handler: ({ hash }) => {
        const found = network.propagation(hash)
        return found ? encodePropagation(found) : null
      },
    }),
    idobata_propagationStats: method({
      summary: 'Percentiles over the blocks and transactions that are remembered, and who brought blocks first.',
      params: {},
      result: shape({
        blocks: shape({ rebuilt: PERCENTILES, valid: PERCENTILES, others: PERCENTILES, rebuiltAlone: UINT }),
        transactions: shape({ valid: PERCENTILES, others: PERCENTILES }),
        first: listOf(shape({ peer: TEXT, blocks: UINT })),
      }),
      handler: () => {
        const { blocks, transactions, first } = network.propagationStats()
        return {
          blocks: {
            rebuilt: { ...blocks.rebuilt },
            valid: { ...blocks.valid },
            others: { ...blocks.others },
            rebuiltAlone: blocks.rebuiltAlone,
          },
          transactions: { valid: { ...transactions.valid }, others: { ...transactions.others } },
          first: first.map((each) => ({ ...each })),
        }
      },
    }),
  }
}

function encodePeer(peer: NetworkPeer): JsonObject {
  const { id, agent, address, inbound, route, connectedMs, roundTripMs, score } = peer
  const head = {
    hash: toHex(peer.headHash),
    number: quantity(peer.headNumber),
    totalDifficulty: quantity(peer.totalDifficulty),
  }
  return { id, agent, address, inbound, route, connectedMs, roundTripMs: roundTripMs ?? null, score, head }
}

function encodePropagation(record: Propagation): JsonObject {
  const { hash, number, firstSeenMs, from, arrivals, validAfterMs, sightings, wave } = record
  return {
    hash: toHex(hash),
    firstSeenMs,
    from: from ?? null,
    arrivals: arrivals.map((arrival) => ({ ...arrival })),
    validAfterMs: validAfterMs ?? null,
    ...(sightings && { sightings: sightings.map((sighted) => ({ ...sighted })) }),
    ...(wave && { wave: { ...wave } }),
    ...(number !== undefined && {
      number: quantity(number),
      rebuiltAfterMs: record.rebuiltAfterMs ?? null,
      transactions: record.transactions ?? null,
      missing: record.missing ?? null,
    }),
  }
}
