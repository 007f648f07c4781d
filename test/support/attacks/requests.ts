import type { Stream } from '@libp2p/interface'
import { requestProtocols } from '../../../src/p2p/reqresp/protocols/all.ts'
import { drained } from '../../../src/p2p/reqresp/receive.ts'
import { requestHead } from '../../../src/p2p/wire/frame.ts'
import { encodeHashes } from '../../../src/p2p/wire/hashes.ts'
import { encodeHeadersRequest } from '../../../src/p2p/wire/headers.ts'
import { requestFrame } from '../adversary.ts'
import type { Attack, ScriptedPeer } from './scripted-peer.ts'

const SLOW_MS = 1_000

/** What it is cut off from is no concern of its own. */
async function on(stream: Promise<Stream>, act: (stream: Stream) => unknown): Promise<void> {
  try {
    await act(await stream)
  } catch {
    // Cut off.
  }
}

async function everywhere(attacker: ScriptedPeer, act: (stream: Stream) => unknown): Promise<void> {
  for (const { name } of requestProtocols) await on(attacker.openRequest(name), act)
}

/** What can be asked, and how, that no honest peer asks. */
export const REQUEST_ATTACKS: readonly Attack[] = [
  {
    name: 'requests that are too long, malformed, or never end',
    unforgivable: true,
    async once(attacker) {
      await everywhere(attacker, (stream) => stream.send(requestHead(2 ** 27)))
      await everywhere(attacker, (stream) => stream.send(attacker.bytes(60_000)))
      await everywhere(attacker, async (stream) => {
        stream.send(requestFrame(attacker.bytes(16)))
        await stream.close()
      })
    },
  },
  {
    name: 'a byte a second on every stream that there is',
    unforgivable: false,
    async once(attacker) {
      const streams: Stream[] = []
      await everywhere(attacker, (stream) => streams.push(stream))
      for (const name of ['id/push/1.0.0', 'kad/1.0.0', 'ping/1.0.0']) {
        await on(attacker.open(`${attacker.victim.prefix}/${name}`), (stream) => streams.push(stream))
      }
      while (attacker.going && streams.some(({ status }) => status === 'open')) {
        for (const stream of streams) if (stream.status === 'open') stream.send(Uint8Array.of(0x81))
        await attacker.pause(SLOW_MS)
      }
    },
  },
  {
    name: 'answers asked for and not read',
    unforgivable: false,
    async once(attacker) {
      const hashes = (await attacker.headers()).slice(-64).map(({ hash }) => hash)
      const unread = (payload: Uint8Array) => async (stream: Stream) => {
        stream.pause()
        stream.send(requestFrame(payload))
        await stream.close()
      }
      for (let i = 0; i < 8; i++) {
        await on(attacker.openRequest('bodies'), unread(encodeHashes(hashes)))
        const all = encodeHeadersRequest({ start: 0, count: 512, skip: 0, reverse: false })
        await on(attacker.openRequest('headers'), unread(all))
      }
    },
  },
  {
    name: 'streams opened and closed, of protocols that there are not',
    unforgivable: false,
    async once(attacker) {
      await on(attacker.open(`${attacker.victim.prefix}/nothing/1`), () => undefined)
    },
  },
  {
    name: 'identify pushed again and again',
    unforgivable: false,
    async once(attacker) {
      await on(attacker.open(`${attacker.victim.prefix}/id/push/1.0.0`), async (stream) => {
        stream.send(attacker.bytes(4_000))
        await drained(stream)
        await stream.close()
      })
    },
  },
]
