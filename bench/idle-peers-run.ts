import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { multiaddr } from '@multiformats/multiaddr'
import { Gossip, type TopicHandler } from '../src/p2p/gossip.ts'
import { topicsOf } from '../src/p2p/topics.ts'
import { wirePrefix } from '../src/p2p/wire/names.ts'
import { startServingHost } from '../test/support/serving-host.ts'
import { allKeyed, benchGenesis } from './support/network.ts'
import { openServedChain } from './support/served-chain.ts'

/**
 * So many peers of one node that have nothing to say: each a host of its own with a full node's protocols, gossip and DHT, that
 * calls the node and nobody else. Prints a line when all are connected; runs until standard input ends.
 * Usage: node idle-peers-run.ts ACCOUNTS COUNT MULTIADDR.
 */
const [accounts, count, address] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'idobata-bench-idle-'))
const served = await openServedChain(directory, benchGenesis(Number(accounts), allKeyed(Number(accounts))))
const target = multiaddr(address!)
const nothingNew: TopicHandler = { handle: async () => 'ignore' }

for (let i = 0; i < Number(count); i++) {
  const host = await startServingHost(served, {
    discovery: { dht: true, autonat: true, holePunching: true },
    gater: { denyDialPeer: (peer) => !address!.endsWith(peer.toString()) },
  })
  const gossip = new Gossip(
    { topics: topicsOf(wirePrefix(served.chain.genesisHash)) },
    {
      router: host.services.gossip,
      handlers: { tx: nothingNew, block: nothingNew, header: nothingNew },
      meter: { useful: () => {}, useless: () => {} },
      onVerdict: () => {},
      onSubscription: () => {},
      onError: (error) => console.error(error),
    },
  )
  gossip.start(true)
  await host.dial(target)
}
console.log('connected')
process.stdin.resume().once('end', () => {
  rmSync(directory, { recursive: true })
  process.exit(0)
})
