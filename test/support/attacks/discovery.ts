import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { receive } from '../../../src/p2p/reqresp/receive.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { type Attack, type ScriptedPeer, varint } from './scripted-peer.ts'

/** Message types of libp2p's Kademlia (specs/kad-dht). */
const PUT_VALUE = 0
const ADD_PROVIDER = 2
const FIND_NODE = 4

const field = (number: number, bytes: Uint8Array) =>
  concatBytes(Uint8Array.of(number * 8 + 2), Uint8Array.from(varint(bytes.length)), bytes)
const framed = (bytes: Uint8Array) => concatBytes(Uint8Array.from(varint(bytes.length)), bytes)
const message = (type: number, ...fields: readonly Uint8Array[]) =>
  framed(concatBytes(Uint8Array.of(8, type), ...fields))

/** Peers that there are not, at places where there is nobody. */
async function inventedPeers(count: number, attacker: ScriptedPeer): Promise<Uint8Array[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const id = peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toMultihash().bytes
      const address = multiaddr(
        `/ip4/127.${1 + Math.floor(attacker.random() * 250)}.0.1/tcp/${1 + Math.floor(attacker.random() * 1_000)}`,
      )
      return concatBytes(field(1, id), field(2, address.bytes))
    }),
  )
}

const protocolOf = ({ victim }: ScriptedPeer) => `${victim.prefix}/kad/1.0.0`

/** What can be told to a distributed hash table. */
export const DISCOVERY_ATTACKS: readonly Attack[] = [
  {
    name: 'questions to the DHT without end',
    unforgivable: true,
    async once(attacker) {
      const stream = await attacker.open(protocolOf(attacker))
      let answered = 0
      const ended = receive(stream, () => answered++).catch(() => undefined)
      for (let asked = 0; attacker.going && stream.status === 'open'; asked++) {
        stream.send(message(FIND_NODE, field(2, attacker.bytes(34))))
        // As fast as it answers, and no faster: else it would be cut for what it has not read.
        if (asked - answered > 32) await attacker.pause(1)
      }
      await ended
    },
  },
  {
    name: 'records and providers for the DHT to keep',
    unforgivable: true,
    async once(attacker) {
      const stream = await attacker.open(protocolOf(attacker))
      const ended = receive(stream, () => undefined).catch(() => undefined)
      const self = concatBytes(
        field(1, attacker.adversary.host.peerId.toMultihash().bytes),
        field(2, multiaddr('/ip4/127.0.0.1/tcp/9').bytes),
      )
      for (let i = 0; attacker.going && stream.status === 'open'; i++) {
        const key = concatBytes(Uint8Array.of(1, 0x55, 0x12, 32), attacker.bytes(32))
        stream.send(message(ADD_PROVIDER, field(2, key), field(9, self)))
        if (i % 64 === 0) await attacker.pause(1)
      }
      stream.send(message(PUT_VALUE, field(2, attacker.bytes(32)), field(3, attacker.bytes(60_000))))
      await ended
    },
  },
  {
    name: 'a thousand invented peers in each answer of the DHT',
    unforgivable: false,
    async once(attacker) {
      const peers = await inventedPeers(1_000, attacker)
      await attacker.adversary.host.handle(
        protocolOf(attacker),
        async (stream) => {
          await receive(stream, () => {
            stream.send(message(FIND_NODE, ...peers.map((peer) => field(8, peer))))
          }).catch(() => undefined)
        },
        { force: true, maxInboundStreams: 64 },
      )
      while (attacker.going) await attacker.pause(100)
    },
  },
]
