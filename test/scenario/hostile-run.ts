import { setPriority } from 'node:os'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { multiaddr } from '@multiformats/multiaddr'
import { fromHex } from '../../src/primitives/bytes.ts'
import { ATTACKS } from '../support/attacks/all.ts'
import { type Attack, ScriptedPeer, type Victim } from '../support/attacks/scripted-peer.ts'
import { HOSTILE_POW } from './hostile-genesis.ts'

/** Milliseconds between the end of one identity and the next: handshakes are not what this is about. */
const REST_MS = 100
const LOWEST_PRIORITY = 19

/** What the parent process sends. */
export interface AttackOrder {
  /** Names of attacks, all at once. */
  readonly attacks: readonly string[]
  readonly forMs: number
  /** What is unforgivable goes on until somebody is hung up on for it, but not longer. */
  readonly mostMs: number
  readonly addresses: readonly string[]
  readonly prefix: string
  readonly genesisHash: string
  readonly chainId: number
}

/** What became of an attack. */
export interface AttackReport {
  readonly name: string
  /** Identities that got in. */
  readonly connected: number
  /** Of them, those that the victim hung up on. */
  readonly hungUp: number
  readonly repeats: number
}

// They would be other people's machines: their work must not be what slows the node down.
setPriority(LOWEST_PRIORITY)

/** The adversaries, in a process of their own: what they need is not the victim's, nor the measuring one's. */
process.on('message', (order: AttackOrder) => {
  const victim: Victim = {
    prefix: order.prefix,
    addresses: order.addresses.map((address) => multiaddr(address)),
    genesisHash: fromHex(order.genesisHash),
    chainId: BigInt(order.chainId),
    pow: HOSTILE_POW,
  }
  const chosen = ATTACKS.filter(({ name }) => order.attacks.includes(name))
  void Promise.all(chosen.map((attack) => carryOut(attack, victim, order))).then((reports) => process.send!(reports))
})
process.on('disconnect', () => process.exit())

async function carryOut(attack: Attack, victim: Victim, order: AttackOrder): Promise<AttackReport> {
  let [connected, hungUp, repeats] = [0, 0, 0]
  const end = new AbortController()
  const { signal } = end
  const least = AbortSignal.timeout(order.forMs)
  const endIfSeen = () => {
    if (least.aborted && (hungUp > 0 || !attack.unforgivable)) end.abort()
  }
  least.addEventListener('abort', endIfSeen)
  AbortSignal.timeout(order.mostMs).addEventListener('abort', () => end.abort())
  const over = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  while (!signal.aborted) {
    const peer = await ScriptedPeer.connect(victim, attack, signal).catch(() => undefined)
    if (peer === undefined) {
      await setTimeout(REST_MS)
      continue
    }
    connected++
    const gone = new Promise<void>((resolve) => peer.connection.addEventListener('close', () => resolve()))
    while (peer.going) {
      // What fails is for the next time: the victim has refused it.
      await Promise.race([attack.once(peer).catch(() => peer.pause(10)), gone, over])
      repeats++
      await setImmediate()
    }
    if (!signal.aborted) hungUp++
    endIfSeen()
    await peer.stop().catch(() => undefined)
    await Promise.race([setTimeout(REST_MS), over])
  }
  return { name: attack.name, connected, hungUp, repeats }
}
