import { privateKeyToAddress } from '../../../src/crypto/noble.ts'
import { encodeTransactionList } from '../../../src/p2p/wire/transactions.ts'
import { bigintToBytes, concatBytes } from '../../../src/primitives/bytes.ts'
import { signedTransfer } from '../transactions.ts'
import type { Attack, ScriptedPeer } from './scripted-peer.ts'

const MIB = 2 ** 20

const pick = <T>(list: readonly T[], attacker: ScriptedPeer): T => list[Math.floor(attacker.random() * list.length)]!
const topicsOf = ({ topics }: ScriptedPeer) => Object.values(topics)
const many = (bytes: number, attacker: ScriptedPeer) =>
  concatBytes(...Array.from({ length: Math.ceil(bytes / 65_536) }, () => attacker.bytes(65_536)))

/** Ids of messages that there are not. */
function ids(count: number, attacker: ScriptedPeer): Uint8Array[] {
  const random = attacker.bytes(65_536)
  // Overlapping, so that making them costs next to nothing.
  return Array.from({ length: count }, (_, i) => random.subarray(i, i + 20))
}

/** Valid transactions of accounts that have nothing. */
function poorBundle(attacker: ScriptedPeer, count: number): Uint8Array {
  const key = attacker.bytes(32)
  return encodeTransactionList(
    Array.from({ length: count }, (_, nonce) => {
      const fields = { chainId: attacker.victim.chainId, nonce: BigInt(nonce), to: privateKeyToAddress(key) }
      return signedTransfer(fields, key).raw
    }),
  )
}

/** What can be said on a gossip stream, and should not. */
export const GOSSIP_ATTACKS: readonly Attack[] = [
  {
    name: 'junk on every topic',
    unforgivable: true,
    once: (attacker) => attacker.gossipMessage(pick(topicsOf(attacker), attacker), attacker.bytes(64)),
  },
  {
    name: 'messages of nearly 2 MiB on every topic',
    unforgivable: true,
    once: (attacker) => attacker.gossipMessage(pick(topicsOf(attacker), attacker), many(2 * MIB - 65_536, attacker)),
  },
  {
    name: 'frames longer than there may be',
    unforgivable: false,
    async once(attacker) {
      await attacker.gossipFrame(many(MIB, attacker), 64 * MIB)
      await attacker.pause(100)
    },
  },
  {
    name: 'frames that are no protobuf',
    unforgivable: true,
    once: (attacker) => attacker.gossipFrame(many(MIB, attacker)),
  },
  {
    name: 'IHAVE of messages that never come',
    unforgivable: true,
    async once(attacker) {
      const messageIDs = ids(5_000, attacker)
      await attacker.gossip({
        control: {
          ihave: [{ topicID: pick(topicsOf(attacker), attacker), messageIDs }],
          iwant: [],
          graft: [],
          prune: [],
          idontwant: [],
        },
      })
    },
  },
  {
    name: 'IWANT of messages that there are not',
    unforgivable: true,
    async once(attacker) {
      const iwant = Array.from({ length: 8 }, () => ({ messageIDs: ids(5_000, attacker) }))
      await attacker.gossip({ control: { ihave: [], iwant, graft: [], prune: [], idontwant: [] } })
    },
  },
  {
    name: 'GRAFT and PRUNE in turn',
    unforgivable: true,
    async once(attacker) {
      const all = topicsOf(attacker).map((topicID) => ({ topicID }))
      const prune = all.map((each) => ({ ...each, peers: [] }))
      await attacker.gossip({ control: { ihave: [], iwant: [], graft: all, prune, idontwant: [] } })
    },
  },
  {
    name: 'IDONTWANT of everything',
    unforgivable: true,
    async once(attacker) {
      const idontwant = Array.from({ length: 64 }, () => ({ messageIDs: ids(512, attacker) }))
      await attacker.gossip({ control: { ihave: [], iwant: [], graft: [], prune: [], idontwant } })
    },
  },
  {
    name: 'subscriptions to and fro',
    unforgivable: true,
    async once(attacker) {
      const subscriptions = [false, true, false, true].flatMap((subscribe) =>
        topicsOf(attacker).map((topic) => ({ subscribe, topic })),
      )
      await attacker.gossip({ subscriptions })
    },
  },
  {
    name: 'bundles with bad signatures',
    unforgivable: true,
    async once(attacker) {
      const { raw } = signedTransfer({ chainId: attacker.victim.chainId }, attacker.bytes(32))
      const forged = raw.slice()
      // The last bytes are `s`: above the curve's order.
      forged.set(new Uint8Array(32).fill(0xff), raw.length - 32)
      await attacker.gossipMessage(attacker.topics.tx, encodeTransactionList([forged]))
    },
  },
  {
    name: 'bundles of transactions that nobody can pay',
    unforgivable: false,
    once: (attacker) => attacker.gossipMessage(attacker.topics.tx, poorBundle(attacker, 1)),
  },
  {
    name: 'bundles of valid bytes that say nothing',
    unforgivable: true,
    async once(attacker) {
      const { raw } = signedTransfer({ chainId: attacker.victim.chainId })
      const items = Array.from({ length: 500 }, (_, i) => {
        const item = raw.slice()
        // Other signatures of the same: each has to be recovered.
        item.set(bigintToBytes(BigInt(Math.floor(attacker.random() * 2 ** 48)) + BigInt(i), 8), raw.length - 40)
        return item
      })
      await attacker.gossipMessage(attacker.topics.tx, encodeTransactionList(items))
    },
  },
]
