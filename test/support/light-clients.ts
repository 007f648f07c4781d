import { nobleRecovery } from '../../src/crypto/noble.ts'
import { LightClient, type LightClientComponents, type LightClientOptions } from '../../src/light/client.ts'
import type { LightFault, LightHeadEvent, LightStore } from '../../src/light/types.ts'
import { ScriptedPeers } from './light-peers.ts'
import { ManualClock } from './manual-clock.ts'
import { seededRandom } from './seeded-random.ts'

export interface TestClient {
  readonly client: LightClient
  readonly peers: ScriptedPeers
  readonly clock: ManualClock
  readonly reports: { readonly peer: string; readonly fault: LightFault }[]
  readonly events: LightHeadEvent[]
  /** Lets time pass, a tenth of a second at a time, until `check` holds; for ten minutes at most. */
  until(check: () => boolean): Promise<void>
  /** Lets so many seconds pass. */
  pass(seconds: number): Promise<void>
}

/** A light client whose time and peers are the test's. @param nowSec  Unix seconds. */
export function startClient(
  options: LightClientOptions,
  components: Pick<LightClientComponents, 'engine'> & Partial<LightClientComponents>,
  nowSec: number,
): TestClient {
  const peers = new ScriptedPeers()
  const clock = new ManualClock(nowSec * 1_000)
  const reports: TestClient['reports'] = []
  const events: LightHeadEvent[] = []
  const client = new LightClient(options, {
    requests: peers,
    clock,
    random: seededRandom(1),
    pacer: { pause: () => undefined },
    recovery: nobleRecovery(),
    report: (peer, fault) => reports.push({ peer, fault }),
    checkTransaction: () => undefined,
    send: async () => 1,
    genesisCode: () => undefined,
    onError: (error) => {
      throw error
    },
    ...components,
  })
  client.subscribe((event) => events.push(event))
  const step = async () => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(100)
  }
  return {
    client,
    peers,
    clock,
    reports,
    events,
    async until(check) {
      for (let steps = 0; !check(); steps++) {
        if (steps === 6_000) throw new Error(`ten minutes have passed: ${JSON.stringify(reports)}`)
        await step()
      }
    },
    async pass(seconds) {
      for (let steps = 0; steps < seconds * 10; steps++) await step()
    },
  }
}

/** A store in memory. */
export function memoryStore(): LightStore & { saved: Uint8Array | undefined } {
  const store = {
    saved: undefined as Uint8Array | undefined,
    load: async () => store.saved,
    save: async (snapshot: Uint8Array) => {
      store.saved = snapshot
    },
  }
  return store
}
