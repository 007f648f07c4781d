import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Genesis } from '../../src/chain/genesis.ts'
import { nobleRecovery } from '../../src/crypto/noble.ts'
import { createAnswering } from '../../src/node/answering.ts'
import { LightCore } from '../../src/node/light-core.ts'
import { silentLogger } from '../../src/node/logger.ts'
import { systemClock } from '../../src/node/system.ts'
import { createDialingHost } from '../../src/p2p/dialing-host.ts'
import { londonEngine } from '../support/london-engine.ts'
import { startServingHost } from '../support/serving-host.ts'
import type { TestChain } from '../support/test-chain.ts'
import type { Suite } from './report.ts'
import { judgeDialogues, openLondonChain } from './rpc-london.ts'

const SYNC_MS = 60_000

/** The dialogues of rpc-london, held with a light node whose only peer is a full one on their chain. */
export const run: Suite = async (dir, report) => {
  if (!existsSync(join(dir, 'genesis.json'))) {
    report.skip('no genesis.json')
    return
  }
  const { genesis, testChain } = await openLondonChain(dir, report)
  try {
    const { host, core, answer, stop } = await startLight(genesis, testChain)
    try {
      if (await core.untilSynced(SYNC_MS)) await judgeDialogues(dir, report, answer)
      else report.fail('the light node', `is not synced: ${JSON.stringify(core.client.status().stage)}`)
    } finally {
      await stop()
      await host.stop()
    }
  } finally {
    await testChain.remove()
  }
}

async function startLight(genesis: Genesis, testChain: TestChain) {
  const host = await startServingHost(testChain)
  const core = await LightCore.create(
    {
      genesis,
      bootnodes: host.getMultiaddrs().map(String),
      maxPeers: 8,
      exchange: false,
      privateAddresses: true,
      vouchers: 1,
    },
    {
      createHost: createDialingHost,
      privateKey: await generateKeyPair('Ed25519'),
      savedPeers: undefined,
      peerStore: { save: async () => {} },
      recovery: nobleRecovery(),
      clock: systemClock,
      logger: silentLogger,
      clientVersion: 'idobata/0.0.0/test',
      engine: londonEngine,
    },
  )
  const { network: _, ...backends } = core.backends
  const answering = createAnswering({
    events: core.events,
    backends,
    network: undefined,
    clock: systemClock,
    logger: silentLogger,
  })
  await core.start()
  return {
    host,
    core,
    answer: answering.answer,
    async stop() {
      answering.stop()
      await core.stop()
    },
  }
}
