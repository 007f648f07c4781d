import { hashHeader } from '../../../src/crypto/hashes.ts'
import { encodeCompactBlock } from '../../../src/p2p/wire/compact-block.ts'
import { encodeHeaders } from '../../../src/p2p/wire/headers.ts'
import { encodeHeader, type HashedHeader } from '../../../src/primitives/header.ts'
import { answerOf } from '../adversary.ts'
import { headerWith } from '../header-chain.ts'
import type { HeaderMaker } from '../header-maker.ts'
import type { Attack, ScriptedPeer } from './scripted-peer.ts'

const FAR = { number: 10_000_000, totalDifficulty: 10n ** 18n }
const NO_TRANSACTIONS = { nonce: new Uint8Array(8), prefilled: [] }
/** Headers that are made for one answer: what an honest peer gives at once. */
const BATCH = 512

const announce = (attacker: ScriptedPeer, { header }: HashedHeader, shortIds: Uint8Array) =>
  attacker.gossipMessage(attacker.topics.block, encodeCompactBlock({ header, shortIds, ...NO_TRANSACTIONS }))

/** Headers with their work, one after the other, of a chain of its own. */
function answerHeaders(attacker: ScriptedPeer, end: number): Promise<void> {
  let maker: HeaderMaker | undefined
  const made: HashedHeader[] = []
  return attacker.adversary.answer('headers', async (stream) => {
    maker ??= await attacker.maker(Number.POSITIVE_INFINITY)
    const batch: Uint8Array[] = []
    while (batch.length < BATCH && made.length < end) {
      const next = maker.next()
      made.push(next)
      batch.push(encodeHeader(next.header))
    }
    stream.send(answerOf(encodeHeaders(batch)))
    await stream.close()
  })
}

/** What can be said of a chain that there is not. */
export const CHAIN_ATTACKS: readonly Attack[] = [
  {
    name: 'blocks announced and never delivered',
    unforgivable: true,
    async once(attacker) {
      const header = (await attacker.maker(1)).next(1, { transactionsRoot: attacker.bytes(32) })
      await announce(attacker, header, attacker.bytes(8 * 200))
      await attacker.pause(200)
    },
  },
  {
    name: 'invalid blocks behind valid headers',
    unforgivable: false,
    async once(attacker) {
      await announce(attacker, (await attacker.maker()).next(1, { stateRoot: attacker.bytes(32) }), new Uint8Array(0))
      await attacker.pause(200)
    },
  },
  {
    name: 'blocks without work',
    unforgivable: true,
    async once(attacker) {
      const tip = (await attacker.headers()).at(-1)!
      const fields = { parentHash: tip.hash, number: tip.header.number + 1, timestamp: tip.header.timestamp + 1 }
      await announce(attacker, hashHeader(headerWith({ ...fields, mixHash: attacker.bytes(32) })), new Uint8Array(0))
    },
  },
  {
    name: 'headers and blocks of parents that nobody knows',
    unforgivable: true,
    async once(attacker) {
      const header = headerWith({ parentHash: attacker.bytes(32), number: 1_000 })
      await attacker.gossipMessage(attacker.topics.header, encodeHeader(header))
      await announce(attacker, hashHeader(header), attacker.bytes(80))
    },
  },
  {
    name: 'wrong answers',
    unforgivable: true,
    claim: FAR,
    async once(attacker) {
      for (const protocol of ['headers', 'bodies', 'blocktxs', 'peers'] as const) {
        await attacker.adversary.answer(protocol, async (stream) => {
          stream.send(answerOf(attacker.bytes(1_000)))
          await stream.close()
        })
      }
      while (attacker.going) await attacker.pause(100)
    },
  },
  {
    name: 'headers that end before the work that was claimed',
    unforgivable: true,
    claim: FAR,
    async once(attacker) {
      await answerHeaders(attacker, 1_500)
      while (attacker.going) await attacker.pause(100)
    },
  },
  {
    name: 'headers without end',
    unforgivable: false,
    claim: FAR,
    async once(attacker) {
      await answerHeaders(attacker, Number.POSITIVE_INFINITY)
      while (attacker.going) await attacker.pause(100)
    },
  },
]
