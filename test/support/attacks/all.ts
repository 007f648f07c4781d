import { CHAIN_ATTACKS } from './chain.ts'
import { DISCOVERY_ATTACKS } from './discovery.ts'
import { GOSSIP_ATTACKS } from './gossip.ts'
import { REQUEST_ATTACKS } from './requests.ts'
import type { Attack } from './scripted-peer.ts'

export const ATTACKS: readonly Attack[] = [
  ...GOSSIP_ATTACKS,
  ...REQUEST_ATTACKS,
  ...CHAIN_ATTACKS,
  ...DISCOVERY_ATTACKS,
]
