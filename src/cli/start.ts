import { flushCompileCache } from 'node:module'
import type { Command } from 'commander'
import type { Flags, NodeConfig, Origins } from '../node/config.ts'
import { loadExplainedConfig } from '../node/config-file.ts'
import type { FullNodeOptions } from '../node/full-options.ts'
import { loadGenesis } from '../node/genesis-file.ts'
import { collectLoadingGarbage } from '../node/heap.ts'
import type { LightNodeOptions } from '../node/light.ts'
import { networkOptions } from '../node/network-config.ts'
import { rpcOptions } from '../node/rpc-options.ts'
import { monotonicMs, systemClock } from '../node/system.ts'
import { packageVersion } from '../node/version.ts'
import { toHex } from '../primitives/bytes.ts'
import { toChecksumAddress } from '../wallet/address.ts'
import { EXIT } from './exit.ts'
import { createLog, type Log } from './log.ts'
import { addExamples, addOptions } from './options.ts'
import { formatLightStatus, formatStatus, lightStatusFacts, statusFacts } from './status.ts'

/** Milliseconds between looks at the node: on a terminal the line is rewritten, elsewhere each is a record. */
const TERMINAL_STATUS_MS = 1_000
const RECORD_STATUS_MS = 30_000
const SAME_SIGNAL_MS = 1_000
/** Milliseconds from the start until all is loaded, and until whoever waits for a first answer has it. */
const LOADED_MS = 5_000

export function build(command: Command): void {
  command.action(async (flags: Flags) => {
    const { config, origins } = await loadExplainedConfig(flags, process.env)
    await (config.light ? startLight(config) : startFull(config, origins))
  })
  addExamples(
    command,
    'idobata start --mine',
    'idobata start --dev --http.port 9545',
    'idobata start --light --bootnodes /ip4/192.0.2.1/tcp/30303/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN',
  )
  addOptions(command, [
    'datadir',
    'config',
    'genesis',
    'dev',
    'light',
    'light.vouchers',
    'http',
    'http.addr',
    'http.port',
    'http.vhosts',
    'http.corsdomain',
    'http.api',
    'http.jwtsecret',
    'http.tokenfile',
    'http.insecure',
    'http.ratelimit',
    'http.ratelimit.local',
    'ws',
    'ws.origins',
    'ws.api',
    'p2p',
    'port',
    'p2p.addr',
    'p2p.transports',
    'bootnodes',
    'maxpeers',
    'minimumwork',
    'nat',
    'nodiscover',
    'mdns',
    'p2p.autonat',
    'p2p.relay',
    'p2p.holepunch',
    'p2p.relayserver',
    'p2p.sightings',
    'metrics',
    'mine',
    'miner.etherbase',
    'miner.threads',
    'verbosity',
  ])
}

async function startFull(config: NodeConfig, origins: Origins): Promise<void> {
  // Neither kind of node loads what only the other has.
  const { createFullNode } = await import('../node/full.ts')
  const options = await nodeOptions(config, origins)
  await run(config, (log) => {
    const node = createFullNode(options, { logger: log, clock: systemClock })
    return {
      start: async () => {
        await node.start()
        if (config.dev) await showDevAccounts(log)
      },
      stop: () => node.stop(),
      failed: node.failed,
      showStatus() {
        const status = node.status()
        log.status(formatStatus(status), statusFacts(status))
      },
    }
  })
}

async function startLight(config: NodeConfig): Promise<void> {
  const { createLightNode } = await import('../node/light.ts')
  const options: LightNodeOptions = {
    datadir: config.datadir,
    genesis: await loadGenesis(config),
    ...(config.http && { http: await rpcOptions(config) }),
    bootnodes: config.bootnodes,
    maxPeers: config.maxpeers,
    exchange: !config.nodiscover,
    vouchers: config['light.vouchers'],
  }
  await run(config, (log) => {
    const node = createLightNode(options, { logger: log, clock: systemClock })
    return {
      start: () => node.start(),
      stop: () => node.stop(),
      failed: new Promise(() => {}),
      showStatus() {
        const status = node.status()
        log.status(formatLightStatus(status), lightStatusFacts(status))
      },
    }
  })
}

/** A node as the command line runs it. */
interface RunningNode {
  start(): Promise<void>
  stop(): Promise<void>
  readonly failed: Promise<Error>
  showStatus(): void
}

async function run(config: NodeConfig, create: (log: Log) => RunningNode): Promise<void> {
  const log = createLog(config.verbosity, process.stdout, systemClock.nowMs)
  log.info(`idobata ${packageVersion()}`)
  const node = create(log)
  // Before anything is opened: a signal during start must also end in a clean stop.
  const stopping = stopSignal(log)
  await node.start()
  const loaded = setTimeout(() => {
    collectLoadingGarbage()
    // Node does it at the end of the process, to which a kill does not come.
    flushCompileCache()
  }, LOADED_MS)
  try {
    node.showStatus()
    const timer = setInterval(() => node.showStatus(), process.stdout.isTTY ? TERMINAL_STATUS_MS : RECORD_STATUS_MS)
    const failure = await Promise.race([stopping, node.failed])
    clearInterval(timer)
    if (failure !== undefined) throw failure
  } finally {
    clearTimeout(loaded)
    await node.stop()
    log.info('stopped')
    log.close()
  }
}

async function nodeOptions(config: NodeConfig, origins: Origins): Promise<FullNodeOptions> {
  // As with anvil and hardhat node: a development chain begins anew, unless it is told where to stay.
  const temporary = config.dev && origins.datadir === undefined
  return {
    ...(!temporary && { datadir: config.datadir }),
    genesis: await loadGenesis(config),
    dev: config.dev,
    ...(config.http && { http: await rpcOptions(config) }),
    ...(config.p2p && { network: networkOptions(config) }),
    ...(config.mine && { mining: { threads: config['miner.threads'], etherbase: config['miner.etherbase'] } }),
  }
}

/**
 * Resolves at the first SIGTERM or SIGINT. Another one, a second later or more, means it: the process ends at once, and
 * restarts as after a kill. One that follows closely is the same again: npm and timeout(1) pass on what the terminal or
 * the process group has delivered already.
 */
function stopSignal(log: Log): Promise<undefined> {
  return new Promise((resolve) => {
    let askedMs: number | undefined
    const stop = (signal: NodeJS.Signals) => {
      if (askedMs !== undefined && monotonicMs() - askedMs > SAME_SIGNAL_MS) process.exit(EXIT.failed)
      if (askedMs !== undefined) return
      askedMs = monotonicMs()
      log.info(`stopping on ${signal}`)
      resolve(undefined)
    }
    process.on('SIGTERM', stop).on('SIGINT', stop)
  })
}

async function showDevAccounts(log: Log): Promise<void> {
  const { devAccounts } = await import('../node/dev.ts')
  for (const [index, { address, privateKey }] of devAccounts().entries()) {
    // Known to everybody, or it would be called by its name and not be shown.
    log.info(`account ${index}`, { address: toChecksumAddress(address), key: toHex(privateKey) })
  }
}
