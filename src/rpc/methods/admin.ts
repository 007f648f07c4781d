import { toHex } from '../../primitives/bytes.ts'
import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import type { NetworkBackend } from '../network.ts'
import { count, optional, text } from '../schema.ts'
import { BOOLEAN, HASH, listOf, named, QUANTITY, shape, TEXT, UINT } from '../shapes.ts'

/** Seconds of a ban for which none are given. */
const DEFAULT_BAN_SEC = 24 * 60 * 60

const PROTOCOL = shape({ version: UINT, difficulty: QUANTITY, head: HASH, number: QUANTITY })

/** geth's, with multiaddrs where it has enodes. */
const ADMIN_PEER = named(
  'AdminPeer',
  shape({
    id: TEXT,
    name: TEXT,
    network: shape({ remoteAddress: TEXT, inbound: BOOLEAN, trusted: BOOLEAN, static: BOOLEAN, route: TEXT }),
    protocols: shape({ idobata: PROTOCOL }),
  }),
)

const NODE_INFO = named(
  'NodeInfo',
  shape({
    id: TEXT,
    name: TEXT,
    listenAddr: TEXT,
    addresses: listOf(TEXT),
    protocols: shape({
      idobata: shape({ network: UINT, genesis: HASH, difficulty: QUANTITY, head: HASH, number: QUANTITY }),
    }),
  }),
)

/** `admin_`: the node's own network, for its operator. Peers are named by multiaddr or peer id. */
export function adminMethods({ chain, node }: Pick<Backends, 'chain' | 'node'>, network: NetworkBackend): MethodTable {
  return {
    admin_nodeInfo: method({
      summary: 'This node: its peer id, and the multiaddrs at which others can call it.',
      params: {},
      result: NODE_INFO,
      handler: async () => {
        const genesis = await chain.header({ number: 0 })
        const { hash, header, totalDifficulty } = await chain.head()
        const addresses = network.addresses()
        return {
          id: network.peerId,
          name: node.clientVersion,
          listenAddr: addresses[0] ?? '',
          addresses: [...addresses],
          protocols: {
            idobata: {
              network: Number(chain.chainId),
              genesis: toHex(genesis!.hash),
              difficulty: quantity(totalDifficulty),
              head: toHex(hash),
              number: quantity(header.number),
            },
          },
        }
      },
    }),
    admin_peers: method({
      summary: 'Connected peers, in the shape of geth.',
      params: {},
      result: listOf(ADMIN_PEER),
      handler: () =>
        network
          .peers()
          .map(({ id, agent, address, inbound, trusted, route, headHash, headNumber, totalDifficulty }) => ({
            id,
            name: agent,
            network: { remoteAddress: address, inbound, trusted, static: trusted, route },
            protocols: {
              idobata: {
                version: 1,
                difficulty: quantity(totalDifficulty),
                head: toHex(headHash),
                number: quantity(headNumber),
              },
            },
          })),
    }),
    admin_addPeer: method({
      summary: 'Calls a peer and keeps the connection, beside all limits. True: it will be tried.',
      params: { address: text },
      result: BOOLEAN,
      handler: ({ address }) => {
        network.addPeer(address)
        return true
      },
    }),
    admin_removePeer: method({
      summary: 'Hangs up on a peer, and no longer keeps it. True: it was connected or kept.',
      params: { peer: text },
      result: BOOLEAN,
      handler: ({ peer }) => network.removePeer(peer),
    }),
    admin_ban: method({
      summary: 'Refuses a peer id or an IP address from now on, for a day unless seconds are given.',
      params: { target: text, seconds: optional(count, DEFAULT_BAN_SEC) },
      result: BOOLEAN,
      handler: ({ target, seconds }) => {
        network.ban(target, seconds)
        return true
      },
    }),
    admin_unban: method({
      summary: 'Ends a ban. True: there was one.',
      params: { target: text },
      result: BOOLEAN,
      handler: ({ target }) => network.unban(target),
    }),
    admin_bans: method({
      summary: 'Bans that hold, with their ends in Unix milliseconds and their reasons.',
      params: {},
      result: listOf(shape({ target: TEXT, untilMs: UINT, reason: TEXT })),
      handler: () => network.bans().map((ban) => ({ ...ban })),
    }),
  }
}
