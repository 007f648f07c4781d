import { setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { wirePrefix } from '../../src/p2p/wire/names.ts'
import { fromHex, toHex } from '../../src/primitives/bytes.ts'
import { ScriptedPeer } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_CHAIN_ID, HOSTILE_POW, hostileGenesis } from './hostile-genesis.ts'
import { genesisHashOf, NodeProcesses, peersOf, type StartedNode } from './processes.ts'
import type { Finding, Scenario } from './scenario.ts'

const POLL_MS = 100
/** Looks until something must have happened; a minute on a machine that keeps up. */
const MAX_LOOKS = 600
/** Looks during which nothing of the kind may happen. */
const WATCHED_LOOKS = 50
const QUICK_WATCHED_LOOKS = 10

/** Another network: the same in everything but one account. */
function otherGenesis(): unknown {
  const genesis = hostileGenesis() as { readonly alloc: object }
  return { ...genesis, alloc: { ...genesis.alloc, [`0x${'ee'.repeat(20)}`]: { balance: '0x1' } } }
}

async function until(holds: () => Promise<boolean> | boolean): Promise<boolean> {
  for (let looks = 0; looks < MAX_LOOKS; looks++) {
    if (await holds()) return true
    await setTimeout(POLL_MS)
  }
  return false
}

/** A peer whose protocol names are the network's, as one in 2^32 is by chance, and whose genesis is another. */
async function namesake({ address }: StartedNode, genesisHash: string): Promise<boolean> {
  const ours = fromHex(genesisHash)
  const theirs = ours.map((byte, i) => (i < 4 ? byte : 255 - byte))
  const victim = {
    prefix: wirePrefix(ours),
    addresses: [multiaddr(address)],
    genesisHash: theirs,
    chainId: BigInt(HOSTILE_CHAIN_ID),
    pow: HOSTILE_POW,
  }
  const peer = await ScriptedPeer.connect(victim, { name: 'namesake' }, new AbortController().signal)
  const gone = await until(() => !peer.going)
  await peer.stop()
  return gone
}

export const privacy: Scenario = {
  name: 'privacy',
  claim: 'a node of another genesis is never mixed in',
  async run({ quick, log }) {
    const nodes = new NodeProcesses()
    try {
      const first = await nodes.start({ genesis: hostileGenesis() })
      const bootnodes = [first.address]
      const [second, stranger] = await Promise.all([
        nodes.start({ genesis: hostileGenesis(), bootnodes }),
        nodes.start({ genesis: otherGenesis(), bootnodes, environment: { IDOBATA_VERBOSITY: '4' } }),
      ])
      const met = await until(async () => (await peersOf(second)).some(({ id }) => id === first.peer))
      log('two of one network have met')
      await stranger.process.record('peer of another network')
      log('the third has called them, and found them to be strangers')
      let mixed = 0
      const looks = quick ? QUICK_WATCHED_LOOKS : WATCHED_LOOKS
      for (let look = 0; look < looks; look++) {
        mixed += (await peersOf(stranger)).length
        for (const node of [first, second])
          mixed += (await peersOf(node)).filter(({ id }) => id === stranger.peer).length
        await setTimeout(POLL_MS)
      }
      const hashes = await Promise.all([first, second, stranger].map(genesisHashOf))
      const left = await namesake(first, hashes[0]!)
      const prefixes = new Set(hashes.map((hash) => wirePrefix(fromHex(hash))))
      return [
        { name: 'nodes of one genesis that met', value: met ? '2' : '0', bar: '2', pass: met },
        { name: 'networks by their protocol names', value: `${prefixes.size}`, bar: '2', pass: prefixes.size === 2 },
        { name: `peers of the other network in ${looks} looks`, value: `${mixed}`, bar: '0', pass: mixed === 0 },
        {
          name: `a peer of the same names, another genesis (${toHex(fromHex(hashes[0]!).subarray(0, 4))}…)`,
          value: left ? 'hung up on' : 'kept',
          bar: 'hung up on',
          pass: left,
        },
      ] satisfies Finding[]
    } finally {
      await nodes.stop()
    }
  },
}
