import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { lpStream, streamPair } from '@libp2p/utils'
import { type Multiaddr, multiaddr } from '@multiformats/multiaddr'
import { expect, test } from 'vitest'
import { discoveryServices } from '../../../src/p2p/discovery.ts'
import { NO_DISCOVERY, PREFIX } from '../../support/test-host.ts'

type Handler = (stream: Stream, connection: TrialConnection) => Promise<void>

class TrialConnection {
  readonly remoteAddr: Multiaddr
  readonly remotePeer = peer
  isOpen = true
  constructor(remoteAddr: Multiaddr) {
    this.remoteAddr = remoteAddr
  }
  async close() {
    this.isOpen = false
  }
}

const peer = peerIdFromPrivateKey(await generateKeyPair('Ed25519'))
/** A field of a protobuf message that is shorter than 128 bytes. */
const field = (number: number, bytes: Uint8Array) => Uint8Array.of((number << 3) | 2, bytes.length, ...bytes)

test('an address is tried by a connection of its own, and the one by which a peer asked stays', async () => {
  const asked = new TrialConnection(multiaddr(`/ip4/20.0.0.2/tcp/50000/p2p/${peer}`))
  const opened: TrialConnection[] = []
  const handlers = new Map<string, Handler>()
  const log = Object.assign(() => undefined, { error: () => undefined, trace: () => undefined })
  const { autonat } = await discoveryServices({ ...NO_DISCOVERY, autonat: true }, PREFIX, () => false)
  const service = autonat!({
    logger: { forComponent: () => log },
    registrar: {
      handle: async (protocol: string, handler: Handler) => handlers.set(protocol, handler),
      register: async () => 'id',
      unhandle: async () => undefined,
    },
    addressManager: { getAddresses: () => [multiaddr('/ip4/20.0.0.1/tcp/30303')], getAddressesWithMetadata: () => [] },
    transportManager: { dialTransportForMultiaddr: () => ({}) },
    // As libp2p's: whoever is connected is not called again, unless it has to be.
    connectionManager: {
      openConnection: async (address: Multiaddr, options: { readonly force?: boolean }) => {
        if (!options.force) return asked
        opened.push(new TrialConnection(address))
        return opened[0]
      },
    },
  } as never) as { start(): Promise<void>; stop(): Promise<void> }
  await service.start()
  try {
    const [ours, theirs] = await streamPair()
    const address = multiaddr('/ip4/20.0.0.2/tcp/30303')
    const dial = field(1, Uint8Array.of(...field(1, peer.toMultihash().bytes), ...field(2, address.bytes)))
    const messages = lpStream(ours)
    const [answer] = await Promise.all([
      messages.write(Uint8Array.of(8, 0, ...field(2, dial))).then(() => messages.read()),
      handlers.get(`${PREFIX}/autonat/1.0.0`)!(theirs, asked),
    ])
    // A dial response, whose status is that it worked.
    expect([...answer.subarray(0, 2), ...answer.subarray(4, 6)]).toEqual([8, 1, 8, 0])
    expect(opened.map(({ remoteAddr, isOpen }) => [`${remoteAddr}`, isOpen])).toEqual([
      [`${address}/p2p/${peer}`, false],
    ])
    expect(asked.isOpen).toBe(true)
  } finally {
    await service.stop()
  }
})
