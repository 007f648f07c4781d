import { homedir } from 'node:os'
import { join } from 'node:path'
import { DEFAULT_LOOPBACK_UNITS_PER_SEC, DEFAULT_UNITS_PER_SEC } from '../rpc/limits.ts'
import { PUBLIC_NAMESPACES } from '../rpc/namespaces.ts'
import { parseAddress } from '../wallet/address.ts'
import { DEFAULT_LIGHT_PEERS, DEFAULT_VOUCHERS } from './light-options.ts'
import { DEFAULT_MAX_PEERS, TRANSPORTS, type Transport } from './network-options.ts'
import {
  bootnodes,
  host,
  httpUrl,
  ipAddress,
  type Nat,
  names,
  namespaces,
  nat,
  path,
  transports,
  wholeNumber,
  workAmount,
} from './setting-values.ts'

/** A setting that cannot be used: what, and where it came from, in one line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** Texts by variable name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>
/** What was given on the command line, by option name: texts, or true and false for switches. */
export type Flags = Readonly<Record<string, string | boolean | undefined>>
/** What a configuration file says, by option name. */
export interface FileSettings {
  readonly file: string
  readonly texts: Readonly<Record<string, string>>
}

interface ConfigOption<T> {
  /** Absent in a switch. */
  readonly argument?: string
  readonly summary: string
  /** @throws Error whose message completes "… is " or stands by itself. */
  parse(text: string): T
  fallback(environment: Environment): T
}

function option<T>(definition: ConfigOption<T>): ConfigOption<T> {
  return definition
}

function toggle(summary: string, fallback: boolean): ConfigOption<boolean> {
  return {
    summary,
    parse(text) {
      if (text === 'true' || text === '1') return true
      if (text === 'false' || text === '0') return false
      throw new Error(`"${text}" is neither true nor false`)
    },
    fallback: () => fallback,
  }
}

/** Every setting, once: the command line, the environment, the file and the help are made from this table. geth's names where it has one. */
export const OPTIONS = {
  config: option<string | undefined>({
    argument: '<file>',
    summary: 'settings in TOML, under the names of the options (default: <datadir>/config.toml, where there is one)',
    parse: path,
    fallback: () => undefined,
  }),
  datadir: option({
    argument: '<directory>',
    summary: 'where blocks, state and the miner key are kept',
    parse: path,
    fallback: ({ XDG_DATA_HOME, HOME }) =>
      XDG_DATA_HOME ? join(XDG_DATA_HOME, 'idobata') : join(HOME || homedir(), '.idobata'),
  }),
  genesis: option<string | undefined>({
    argument: '<file>',
    summary: "network to join, in the layout of geth's genesis.json (default: the one shipped)",
    parse: path,
    fallback: () => undefined,
  }),
  light: toggle('light node: follow the chain by proofs, serve no blocks, keep a few hundred kilobytes', false),
  'light.vouchers': option({
    argument: '<count>',
    summary: 'peers that must have a block before a light node answers from it',
    parse: wholeNumber(1, 64),
    fallback: () => DEFAULT_VOUCHERS,
  }),
  dev: toggle('development network: blocks on demand, ten funded accounts, nothing to configure', false),
  http: toggle('serve JSON-RPC over HTTP', true),
  'http.addr': option({
    argument: '<host>',
    summary: 'address to serve on',
    parse: host,
    fallback: () => '127.0.0.1',
  }),
  'http.port': option({
    argument: '<port>',
    summary: 'port to serve on; 0 takes any free one',
    parse: wholeNumber(0, 65_535),
    fallback: () => 8545,
  }),
  'http.vhosts': option<readonly string[]>({
    argument: '<names>',
    summary: 'host names that the server may be called by, * for any; IP addresses always pass (default: localhost)',
    parse: names,
    fallback: () => ['localhost'],
  }),
  'http.corsdomain': option<readonly string[]>({
    argument: '<origins>',
    summary: 'origins of web pages that may ask over HTTP, * for any (default: none)',
    parse: names,
    fallback: () => [],
  }),
  'http.api': option<readonly string[] | undefined>({
    argument: '<namespaces>',
    summary: `methods to serve over HTTP (default: ${PUBLIC_NAMESPACES.join(',')})`,
    parse: namespaces,
    fallback: () => undefined,
  }),
  'http.jwtsecret': option<string | undefined>({
    argument: '<file>',
    summary:
      'callers must send a JSON Web Token (HS256, iat within a minute) signed with the 32 bytes in this file, as hex',
    parse: path,
    fallback: () => undefined,
  }),
  'http.tokenfile': option<string | undefined>({
    argument: '<file>',
    summary: 'callers must send one of the tokens in this file, one a line: Authorization: Bearer TOKEN',
    parse: path,
    fallback: () => undefined,
  }),
  'http.insecure': toggle('serve beyond this machine without authentication', false),
  'http.ratelimit': option({
    argument: '<units>',
    summary: 'calls a second of one client elsewhere, costly ones counting more; 0: no limit',
    parse: wholeNumber(0, 1_000_000_000),
    fallback: () => DEFAULT_UNITS_PER_SEC,
  }),
  'http.ratelimit.local': option({
    argument: '<units>',
    summary: 'the same of all programs on this machine together',
    parse: wholeNumber(0, 1_000_000_000),
    fallback: () => DEFAULT_LOOPBACK_UNITS_PER_SEC,
  }),
  ws: toggle('serve WebSocket too, on the same port', true),
  'ws.origins': option<readonly string[] | undefined>({
    argument: '<origins>',
    summary: 'origins of web pages that may open a WebSocket, * for any (default: those on localhost)',
    parse: names,
    fallback: () => undefined,
  }),
  'ws.api': option<readonly string[] | undefined>({
    argument: '<namespaces>',
    summary: 'methods to serve over WebSocket (default: those of --http.api)',
    parse: namespaces,
    fallback: () => undefined,
  }),
  p2p: toggle('connect to other nodes (default: unless --dev)', true),
  port: option({
    argument: '<port>',
    summary: 'port for peers, over TCP and QUIC; WebSocket takes the next one; 0 takes any free ones',
    parse: wholeNumber(0, 65_534),
    fallback: () => 30_303,
  }),
  'p2p.addr': option({
    argument: '<address>',
    summary: 'IP address to listen for peers on',
    parse: ipAddress,
    fallback: () => '0.0.0.0',
  }),
  'p2p.transports': option<readonly Transport[]>({
    argument: '<names>',
    summary: `what to listen for peers on (default: ${TRANSPORTS.join(',')})`,
    parse: transports,
    fallback: () => TRANSPORTS,
  }),
  bootnodes: option<readonly string[]>({
    argument: '<multiaddrs>',
    summary: 'nodes to begin at, with commas between them',
    parse: bootnodes,
    fallback: () => [],
  }),
  maxpeers: option({
    argument: '<count>',
    summary: 'peers connected at most',
    parse: wholeNumber(0, 1_000),
    fallback: () => DEFAULT_MAX_PEERS,
  }),
  minimumwork: option({
    argument: '<difficulty>',
    summary: "total difficulty that the network's chain has by now: no chain with less is followed",
    parse: workAmount,
    fallback: () => 0n,
  }),
  nat: option<Nat>({
    argument: '<way>',
    summary: 'how peers reach this node through a router: none, upnp, or extip:<IP> for ports forwarded by hand',
    parse: nat,
    fallback: () => 'none',
  }),
  nodiscover: toggle('look for no peers beyond bootnodes and trusted ones: no DHT, no exchange of addresses', false),
  mdns: toggle('find peers on the local network', false),
  'p2p.autonat': toggle('have peers find out whether this node can be called', true),
  'p2p.relay': toggle('be reached through peers that offer it', false),
  'p2p.holepunch': toggle('make relayed connections direct ones', true),
  'p2p.relayserver': toggle('offer to relay for others', false),
  'p2p.sightings': toggle('tell peers when blocks were first seen here, and hear it of them', false),
  metrics: toggle('serve GET /metrics for Prometheus', false),
  mine: toggle('produce blocks', false),
  'miner.etherbase': option<Uint8Array | undefined>({
    argument: '<address>',
    summary: 'account that rewards go to (default: one is made, its key kept in <datadir>/miner.key)',
    parse: parseAddress,
    fallback: () => undefined,
  }),
  'miner.threads': option({
    argument: '<count>',
    summary: 'threads that search for proof of work',
    parse: wholeNumber(1, 256),
    fallback: () => 1,
  }),
  keystore: option<string | undefined>({
    argument: '<directory>',
    summary: 'where accounts are kept, encrypted (default: <datadir>/keystore)',
    parse: path,
    fallback: () => undefined,
  }),
  rpc: option<string | undefined>({
    argument: '<url>',
    summary: 'node to ask (default: the one that `idobata start` runs with these settings)',
    parse: httpUrl,
    fallback: () => undefined,
  }),
  'rpc.tokenfile': option<string | undefined>({
    argument: '<file>',
    summary:
      'what to say to a node that asks who calls: the first line (default: as --http.tokenfile, unless --rpc is given)',
    parse: path,
    fallback: () => undefined,
  }),
  'rpc.jwtsecret': option<string | undefined>({
    argument: '<file>',
    summary:
      'signs a token for each call to a node that asks who calls: 32 bytes as hex; not with --rpc.tokenfile (default: as --http.jwtsecret, unless --rpc is given)',
    parse: path,
    fallback: () => undefined,
  }),
  verbosity: option({
    argument: '<level>',
    summary: 'log: 0 nothing, 1 errors, 2 warnings, 3 information, 4 details',
    parse: wholeNumber(0, 4),
    fallback: () => 3,
  }),
}

export type OptionName = keyof typeof OPTIONS
type Values = { readonly [K in OptionName]: ReturnType<(typeof OPTIONS)[K]['parse']> }
/** What has no default of its own follows from other settings. */
export type NodeConfig = Values & { readonly keystore: string; readonly rpc: string }

/** `http.addr` is set by IDOBATA_HTTP_ADDR. */
export function environmentName(name: string): string {
  return `IDOBATA_${name.toUpperCase().replaceAll('.', '_')}`
}

/** Where a value came from: `--http.port`, `IDOBATA_HTTP_PORT`, `FILE: http.port`; undefined for a default. */
export type Origins = Readonly<Record<OptionName, string | undefined>>

/**
 * Every setting's value: the flag, else the environment, else the file, else the default.
 * @throws ConfigError that names the flag, variable or line of the file at fault.
 */
export function resolveConfig(flags: Flags, environment: Environment, settings?: FileSettings): NodeConfig {
  return explainConfig(flags, environment, settings).config
}

/** The same, and where each value came from. */
export function explainConfig(
  flags: Flags,
  environment: Environment,
  settings?: FileSettings,
): { readonly config: NodeConfig; readonly origins: Origins } {
  const values: Record<string, unknown> = {}
  const origins: Record<string, string | undefined> = {}
  for (const [name, option] of Object.entries<ConfigOption<unknown>>(OPTIONS)) {
    const { text, origin } = find(name, flags, environment, settings)
    origins[name] = origin
    values[name] =
      text === undefined || origin === undefined ? option.fallback(environment) : parse(option, text, origin)
  }
  const config = values as NodeConfig
  if (config.light) {
    checkLight(config, origins)
    if (origins.datadir === undefined) values.datadir = join(config.datadir, 'light')
    if (origins.maxpeers === undefined) values.maxpeers = DEFAULT_LIGHT_PEERS
  }
  if (config.dev) {
    if (config.genesis !== undefined) {
      throw new ConfigError(`${origins.genesis}: the development network (--dev) has a genesis of its own`)
    }
    values.mine = true
    if (origins.p2p === undefined) values.p2p = false
    if (origins.datadir === undefined) values.datadir = join(config.datadir, 'dev')
  }
  values.keystore ??= join(config.datadir, 'keystore')
  // What the own node knows callers by is for that node alone.
  if (config.rpc === undefined && config['rpc.tokenfile'] === undefined && config['rpc.jwtsecret'] === undefined) {
    values['rpc.tokenfile'] = config['http.tokenfile']
    if (config['http.tokenfile'] === undefined) values['rpc.jwtsecret'] = config['http.jwtsecret']
  }
  if (config['rpc.tokenfile'] !== undefined && config['rpc.jwtsecret'] !== undefined) {
    throw new ConfigError(`${origins['rpc.jwtsecret']}: not with ${origins['rpc.tokenfile']}, since one token is sent`)
  }
  values.rpc ??= localUrl(config['http.addr'], config['http.port'])
  return { config, origins: origins as Origins }
}

/** Settings that have no meaning in a light node: what it is, or that nobody calls it, or that it makes no blocks. */
const NOT_LIGHT = [
  'port',
  'p2p.addr',
  'p2p.transports',
  'p2p.autonat',
  'p2p.relay',
  'p2p.holepunch',
  'p2p.relayserver',
  'p2p.sightings',
  'nat',
  'mdns',
  'miner.etherbase',
  'miner.threads',
] as const satisfies readonly OptionName[]

function checkLight(config: NodeConfig, origins: Readonly<Record<string, string | undefined>>): void {
  for (const name of ['mine', 'dev', 'metrics'] as const) {
    if (config[name]) throw new ConfigError(`${origins[name]}: not in a light node (--light)`)
  }
  if (!config.p2p) throw new ConfigError(`${origins.p2p}: a light node (--light) knows nothing without peers`)
  const useless = NOT_LIGHT.find((name) => origins[name] !== undefined)
  if (useless)
    throw new ConfigError(`${origins[useless]}: not in a light node (--light): it is not called, and makes no blocks`)
}

/** Where a node of this configuration is met from the same machine. */
function localUrl(host: string, port: number): string {
  const reachable = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`
}

interface Found {
  readonly text?: string
  readonly origin?: string
}

function find(name: string, flags: Flags, environment: Environment, settings: FileSettings | undefined): Found {
  const flag = flags[name]
  if (flag !== undefined) return { text: String(flag), origin: flag === false ? `--no-${name}` : `--${name}` }
  const variable = environmentName(name)
  const text = environment[variable]
  // Empty is what compose files and shells make of one that is not there.
  if (text) return { text, origin: variable }
  const written = settings?.texts[name]
  return settings && written !== undefined ? { text: written, origin: `${settings.file}: ${name}` } : {}
}

function parse(option: ConfigOption<unknown>, text: string, source: string): unknown {
  try {
    return option.parse(text)
  } catch (error) {
    throw new ConfigError(`${source}: ${(error as Error).message}`)
  }
}
