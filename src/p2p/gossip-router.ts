import { type GossipSub, gossipsub, StrictNoSign } from '@chainsafe/libp2p-gossipsub'
import type { RPC } from '@chainsafe/libp2p-gossipsub/message'
import type { Connection, PeerId } from '@libp2p/interface'
import { keccak256 } from '../crypto/keccak.ts'
import { concatBytes, toKey } from '../primitives/bytes.ts'
import { type OpenStream, openSideBySide } from './gossip-streams.ts'
import type { InboundMeter } from './inbound-meter.ts'
import { GOSSIP_LIMITS } from './limits.ts'
import { peerScoreParams, SCORE_THRESHOLDS } from './scoring.ts'
import type { Topics } from './topics.ts'
import type { GossipVerdict } from './verdict.ts'

/**
 * Gossipsub with the members that its class has and its declared interface leaves out. Without the first there is no
 * asynchronous validation at all; `createGossipRouter` fails where one of them is gone.
 */
export interface GossipRouter extends GossipSub {
  reportMessageValidationResult(messageId: string, source: string, verdict: GossipVerdict): void
  getMeshPeers(topic: string): string[]
  getScore(peerId: string): number
  /** Takes a connected peer in again, and opens the stream to it if there is none. */
  onPeerConnected(peerId: PeerId, connection: Connection): void
  /** What its queue of connections waits for, one after another. */
  createOutboundStream: OpenStream
  /** Tells a peer what is listened to here. */
  sendSubscriptions(peerId: string, topics: readonly string[], subscribe: boolean): void
  /** Takes a decoded frame. */
  handleReceivedRpc(from: PeerId, rpc: RPC): Promise<void>
  /** Of messages that await their verdict or were forwarded lately. */
  readonly mcache: { observeDuplicate(messageId: string, source: string): void }
}

const UNDECLARED = [
  'reportMessageValidationResult',
  'getMeshPeers',
  'getScore',
  'onPeerConnected',
  'createOutboundStream',
  'sendSubscriptions',
  'handleReceivedRpc',
  'mcache',
]

const encoder = new TextEncoder()

/** First 20 bytes of keccak256(topic ‖ data): messages carry no sender and no number, so content is identity. */
export function messageId(topic: string, data: Uint8Array): Uint8Array {
  return keccak256(concatBytes(encoder.encode(topic), data)).subarray(0, 20)
}

export interface GossipRouterOptions {
  readonly topics: Topics
  /** What else is known of a peer, added to its score: at most 0, `-Infinity` never. */
  readonly standing: (peerId: string) => number
  /** Says which frames are looked at; undefined: all. */
  readonly meter?: Pick<InboundMeter, 'takesRpc'> | undefined
  /** Peers that no transactions are exchanged with; undefined: none. */
  readonly forBlocksAlone?: ((peerId: string) => boolean) | undefined
}

type GossipComponents = Parameters<ReturnType<typeof gossipsub>>[0]

/** Gossipsub v1.2 with every bound set; a factory, as libp2p wants its services. */
export function createGossipRouter({ topics, standing, meter, forBlocksAlone }: GossipRouterOptions) {
  const create = gossipsub({
    ...GOSSIP_LIMITS,
    globalSignaturePolicy: StrictNoSign,
    msgIdFn: ({ topic, data }) => messageId(topic, data),
    msgIdToStrFn: toKey,
    allowedTopics: Object.values(topics),
    asyncValidation: true,
    awaitRpcHandler: false,
    awaitRpcMessageHandler: false,
    // Whom we send our own messages to must not be told apart from whom we forward others' to.
    floodPublish: false,
    fallbackToFloodsub: false,
    doPX: false,
    emitSelf: false,
    canRelayMessage: false,
    batchPublish: true,
    // Alone on the network is a normal state, and a block that came to us meanwhile is no error.
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    tagMeshPeers: true,
    // Relayed links are cut after two minutes; they carry requests until a direct one stands.
    runOnLimitedConnection: false,
    scoreParams: peerScoreParams(topics, standing),
    scoreThresholds: SCORE_THRESHOLDS,
  })
  return (components: GossipComponents): GossipRouter => {
    const created = create(components)
    const missing = UNDECLARED.filter((name) => !(name in created))
    if (missing.length > 0) throw new Error(`gossipsub has changed: no ${missing.join(', ')}`)
    const router = created as GossipRouter
    router.createOutboundStream = openSideBySide(router.createOutboundStream.bind(router))
    const isFor = (peer: string, topic: string | undefined) => topic !== topics.tx || forBlocksAlone?.(peer) !== true
    const tell = router.sendSubscriptions.bind(router)
    router.sendSubscriptions = (peer, names, subscribe) => {
      const told = names.filter((topic) => isFor(peer, topic))
      if (told.length > 0) tell(peer, told, subscribe)
    }
    const handle = router.handleReceivedRpc.bind(router)
    router.handleReceivedRpc = async (from, rpc) => {
      if (meter?.takesRpc(from, rpc) === false) return
      const peer = from.toString()
      const listened = router.getTopics()
      await handle(from, {
        ...rpc,
        subscriptions: rpc.subscriptions.filter(({ topic }) => isFor(peer, topic)),
        // What nobody here listens to would lie in the cache, never judged.
        messages: rpc.messages.filter(({ topic }) => listened.includes(topic) && isFor(peer, topic)),
      })
    }
    return router
  }
}
