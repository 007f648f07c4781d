import { parseGenesis } from '../../src/chain/genesis.ts'
import { createPow } from '../../src/consensus/pow.ts'
import { hashHeader } from '../../src/crypto/hashes.ts'
import { nobleRecovery } from '../../src/crypto/noble.ts'
import { LightClient } from '../../src/light/client.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { createPacer, monotonicMs, random, systemClock } from '../../src/node/system.ts'
import { lightRequests } from '../../src/p2p/light-requests.ts'
import { type Status, WIRE_VERSION } from '../../src/p2p/wire/status.ts'
import { fromHex } from '../../src/primitives/bytes.ts'
import type { ScriptedPeer } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_POW, hostileGenesis } from './hostile-genesis.ts'
import type { LongChain } from './long-chain.ts'

const GIVEN_UP_MS = 20_000

/**
 * Milliseconds until a light client that knows only genesis has proven a balance; Infinity if it gives up.
 * @param peer  over whose connection it asks.
 */
export async function newcomerMs(peer: ScriptedPeer, chain: LongChain): Promise<number> {
  const beganMs = monotonicMs()
  const genesisHash = fromHex(chain.blocks[0]!)
  const status: Status = {
    version: WIRE_VERSION,
    genesisHash,
    headHash: genesisHash,
    number: 0,
    totalDifficulty: 1n,
    oldestBody: 0,
    serves: { headers: false, bodies: false, txs: false, proof: false, history: false },
    agent: 'light',
  }
  const { params, header } = parseGenesis(hostileGenesis())
  const stateRoot = chain.genesisStateRoot
  const client = new LightClient(
    { params, rules: { name: 'pow', ...HOSTILE_POW }, genesis: hashHeader({ ...header, stateRoot }), vouchers: 1 },
    {
      engine: createPow(HOSTILE_POW, {}),
      requests: lightRequests(
        peer.client,
        () => status,
        () => undefined,
      ),
      clock: systemClock,
      random,
      pacer: createPacer(),
      recovery: nobleRecovery(),
      report: () => undefined,
      checkTransaction: () => undefined,
      send: async () => 0,
      genesisCode: () => undefined,
      onError: () => undefined,
    },
  )
  await client.start()
  try {
    const signal = AbortSignal.timeout(GIVEN_UP_MS)
    // `head` stays at genesis until something has been proven.
    const followed = new Promise<void>((resolve, reject) => {
      client.subscribe(() => resolve())
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    client.addPeer(peer.connection.remotePeer.toString())
    await followed
    const { account } = await client.prove(devAccounts()[0]!.address, [], client.head)
    return account === undefined ? Number.POSITIVE_INFINITY : monotonicMs() - beganMs
  } catch {
    return Number.POSITIVE_INFINITY
  } finally {
    await client.stop()
  }
}
