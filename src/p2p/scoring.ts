import type { PeerScoreParams, PeerScoreThresholds, TopicScoreParams } from '@chainsafe/libp2p-gossipsub/score'
import { isExemptFromNetworkCaps } from './address-class.ts'
import type { Topics } from './topics.ts'

/** Milliseconds between decays; the factors below are per second. */
const DECAY_INTERVAL_MS = 1_000

/** Score below which a peer is sent no gossip, not published to, and not listened to at all. */
export const SCORE_THRESHOLDS: PeerScoreThresholds = {
  gossipThreshold: -20,
  publishThreshold: -50,
  graylistThreshold: -80,
  // Peer exchange by gossip is off.
  acceptPXThreshold: Number.MAX_SAFE_INTEGER,
  opportunisticGraftThreshold: 2,
}

/** Of a peer that has done what a broken one might do as well: no gossip for it, but ours is taken. */
export const DISCOURAGED_SCORE = -25

/**
 * Invalid messages count squared: one costs little more than an accident, the third or fourth within minutes means silence.
 * Nothing is taken for delivering few messages (P3): on a quiet network that would punish everybody.
 */
function topicScore(invalidWeight: number, firstWeight: number, firstCap: number): TopicScoreParams {
  return {
    topicWeight: 1,
    timeInMeshWeight: 0.01,
    timeInMeshQuantum: 60_000,
    timeInMeshCap: 60,
    firstMessageDeliveriesWeight: firstWeight,
    firstMessageDeliveriesDecay: 0.99,
    firstMessageDeliveriesCap: firstCap,
    meshMessageDeliveriesWeight: 0,
    meshMessageDeliveriesDecay: 0.5,
    meshMessageDeliveriesCap: 1,
    meshMessageDeliveriesThreshold: 1,
    meshMessageDeliveriesWindow: 1_000,
    meshMessageDeliveriesActivation: 60_000,
    meshFailurePenaltyWeight: 0,
    meshFailurePenaltyDecay: 0.5,
    invalidMessageDeliveriesWeight: -invalidWeight,
    invalidMessageDeliveriesDecay: 0.997,
  }
}

/** @param standing see GossipRouterOptions */
export function peerScoreParams(topics: Topics, standing: (peerId: string) => number): PeerScoreParams {
  return {
    topics: {
      [topics.tx]: topicScore(10, 0.05, 40),
      [topics.block]: topicScore(20, 0.5, 10),
      [topics.header]: topicScore(20, 0.1, 10),
      [topics.sighting]: topicScore(5, 0, 1),
    },
    // What a peer earns in good times must not pay for a burst of junk.
    topicScoreCap: 10,
    appSpecificScore: standing,
    appSpecificWeight: 1,
    IPColocationFactorWeight: -10,
    IPColocationFactorThreshold: 3,
    IPColocationFactorWhitelist: new NetworkCapExemptions(),
    behaviourPenaltyWeight: -5,
    behaviourPenaltyThreshold: 4,
    behaviourPenaltyDecay: 0.9,
    decayInterval: DECAY_INTERVAL_MS,
    decayToZero: 0.01,
    retainScore: 3_600_000,
  }
}

/** Gossipsub asks its list of exempt addresses for one address at a time; ours answers by range. */
class NetworkCapExemptions extends Set<string> {
  override has(ip: string): boolean {
    return isExemptFromNetworkCaps(ip)
  }
}
