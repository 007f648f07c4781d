import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { BlockWatch, describePropagation } from '../src/cli/propagation.ts'
import { DemoNetwork } from './network.ts'
import { DemoWallet } from './wallet.ts'

/**
 * Five full nodes as five processes on loopback: two miners, a wallet that sends, a node that joins late, one that is killed
 * and comes back; and a light node that proves a balance. Ends with Ctrl-C, or by itself: npm run demo -- --seconds 60
 */

/** When things happen, in parts of the time that there is; without a limit, of a minute. */
const JOIN_LATE = 0.25
const LIGHT = 0.35
const KILL = 0.45
const RESTART = 0.6
const DEFAULT_SECONDS = 60
const STEP_MS = 500
/** Milliseconds that all nodes have to agree in the end. */
const AGREEMENT_MS = 60_000

const say = (text: string) => process.stdout.write(`${text}\n`)
const seconds = readSeconds(process.argv.slice(2))
const ending = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort())

const directory = mkdtempSync(join(tmpdir(), 'idobata-demo-'))
const network = new DemoNetwork(directory)
try {
  await run()
} finally {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}

async function run(): Promise<void> {
  say('starting four nodes on this machine, two of them miners …')
  const first = await network.start(1, { mine: true })
  await Promise.all([network.start(2, { mine: true }), network.start(3), network.start(4)])
  for (const { name, url } of network.running) say(`  ${name}  ${url}`)
  say(`what ${first.name} does can be looked at with: npm run idobata -- watch --rpc ${first.url}`)
  say('blocks as node 3 sees them:')

  const observer = network.node(3)
  const watch = new BlockWatch(observer.rpc)
  const wallet = new DemoWallet(observer.rpc)
  const script = storyOf((seconds ?? DEFAULT_SECONDS) * 1000, wallet)
  const acts: Promise<void>[] = []
  const startMs = performance.now()
  while (!ending.signal.aborted) {
    const elapsedMs = performance.now() - startMs
    if (seconds !== undefined && elapsedMs > seconds * 1000 && script.length === 0) break
    // Meanwhile the wallet goes on sending, and the miners mining.
    if (script[0] !== undefined && elapsedMs >= script[0].atMs) {
      const act = script.shift()!.act()
      act.catch(() => ending.abort())
      acts.push(act)
    }
    await wallet.send()
    for (const block of await watch.next()) say(describePropagation(block))
    await setTimeout(STEP_MS, undefined, { signal: ending.signal }).catch(() => undefined)
  }
  await Promise.all(acts)
  if (ending.signal.aborted) {
    say('stopping')
    return
  }
  const agreed = await network.agreement(AGREEMENT_MS)
  for (const block of await watch.next()) say(describePropagation(block))
  say(`${wallet.sent} transactions sent, ${await wallet.confirmed()} confirmed`)
  if (agreed === undefined) {
    say('the nodes do not agree')
    process.exitCode = 1
  } else say(`all five nodes agree on block #${agreed.number} ${agreed.hash}`)
}

interface Act {
  readonly atMs: number
  readonly act: () => Promise<void>
}

function storyOf(totalMs: number, wallet: DemoWallet): Act[] {
  return [
    {
      atMs: JOIN_LATE * totalMs,
      async act() {
        const { name, url } = await network.start(5)
        say(`— ${name} joins late: ${url}`)
      },
    },
    {
      atMs: LIGHT * totalMs,
      async act() {
        const { name, url, rpc } = await network.startLight()
        const { receivedBytes } = (await rpc.call('idobata_lightStatus')) as { readonly receivedBytes: number }
        say(`— ${name} has joined, having received ${receivedBytes} bytes: ${url}`)
        say(`  it says that the wallet has ${await wallet.proven(rpc)}`)
      },
    },
    {
      atMs: KILL * totalMs,
      async act() {
        await network.kill(4)
        say('— node 4 has been killed')
      },
    },
    {
      atMs: RESTART * totalMs,
      async act() {
        const { name, url } = await network.start(4)
        say(`— ${name} is back with the data that it had: ${url}`)
      },
    },
  ]
}

function readSeconds(args: readonly string[]): number | undefined {
  if (args.length === 0) return undefined
  const value = Number(args[1])
  if (args.length === 2 && args[0] === '--seconds' && value > 0 && value <= 86_400) return value
  process.stderr.write('usage: npm run demo -- [--seconds <1 to 86400>]\n')
  process.exit(2)
}
