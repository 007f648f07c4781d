import { readFile } from 'node:fs/promises'
import { fromHex } from '../primitives/bytes.ts'
import { isLoopback } from '../rpc/addresses.ts'
import type { AllowanceOptions } from '../rpc/allowances.ts'
import type { Credentials } from '../rpc/authenticator.ts'
import { DEFAULT_LOOPBACK_UNITS_PER_SEC, DEFAULT_UNITS_PER_SEC } from '../rpc/limits.ts'
import { DEV_NAMESPACES, isPrivileged, PUBLIC_NAMESPACES } from '../rpc/namespaces.ts'
import type { RpcServerOptions } from '../rpc/server.ts'
import { ConfigError, type NodeConfig } from './config.ts'

/** How JSON-RPC is served. Everything but host and port has a default that lets programs on this machine in, and nobody else. */
export interface RpcOptions extends RpcServerOptions {
  /** Host names that the server may be called by, `*` for any; IP addresses always pass. Default: localhost. */
  readonly vhosts?: readonly string[]
  /** Origins of web pages that may ask over HTTP, `*` for any. Default: none. */
  readonly corsOrigins?: readonly string[]
  /** Namespaces that can be called over HTTP. Default: those that are safe in anybody's hands. */
  readonly api?: readonly string[]
  /** false: no WebSocket. */
  readonly ws?: WsOptions | false
  /** Absent: callers need not say who they are. */
  readonly credentials?: Credentials | undefined
  /** Serve beyond this machine without credentials. */
  readonly insecure?: boolean
  /** Default: generous. */
  readonly allowance?: AllowanceOptions
  /** Serve `GET /metrics`. */
  readonly metrics?: boolean
}

export interface WsOptions {
  /** As for HTTP. Default: pages of this machine. */
  readonly origins?: readonly string[]
  /** Default: those of HTTP. */
  readonly api?: readonly string[]
}

export interface CompleteRpcOptions extends Required<Omit<RpcOptions, 'ws'>> {
  readonly ws: Required<WsOptions> | undefined
}

/** Any port; pages served from this machine are its user's. */
const OWN_PAGES = ['http://localhost:*', 'https://localhost:*']

/**
 * Fills in the defaults.
 * @throws ConfigError for what would let strangers in unless that is said in so many words, and for privileged
 *   namespaces even then: thousands of coins have been lost to nodes that were open by mistake.
 */
export function completeRpcOptions(options: RpcOptions, { dev }: { readonly dev: boolean }): CompleteRpcOptions {
  const { host, credentials, insecure = false, ws = {} } = options
  const api = options.api ?? [...PUBLIC_NAMESPACES, ...(dev ? DEV_NAMESPACES : [])]
  const complete = {
    ...options,
    vhosts: options.vhosts ?? ['localhost'],
    corsOrigins: options.corsOrigins ?? [],
    api,
    ws: ws === false ? undefined : { origins: ws.origins ?? OWN_PAGES, api: ws.api ?? api },
    credentials,
    insecure,
    allowance: options.allowance ?? {
      unitsPerSec: DEFAULT_UNITS_PER_SEC,
      loopbackUnitsPerSec: DEFAULT_LOOPBACK_UNITS_PER_SEC,
    },
    metrics: options.metrics ?? false,
  }
  if (isLoopback(host) || credentials) return complete
  if (!insecure) {
    throw new ConfigError(
      `--http.addr: ${host} can be reached from other machines, and nobody would have to say who they are; ` +
        'set --http.jwtsecret or --http.tokenfile, or allow it with --http.insecure',
    )
  }
  const privileged = [...api, ...(complete.ws?.api ?? [])].find(isPrivileged)
  if (privileged !== undefined) {
    throw new ConfigError(
      `--http.api: ${privileged} beyond this machine takes authentication; set --http.jwtsecret or --http.tokenfile`,
    )
  }
  return complete
}

/** The settings of a configuration. @throws ConfigError if a file of secrets cannot be used; it does not show them. */
export async function rpcOptions(config: NodeConfig): Promise<RpcOptions> {
  const api = config['http.api']
  const wsApi = config['ws.api'] ?? api
  const origins = config['ws.origins']
  return {
    host: config['http.addr'],
    port: config['http.port'],
    vhosts: config['http.vhosts'],
    corsOrigins: config['http.corsdomain'],
    ...(api && { api }),
    ws: config.ws && { ...(origins && { origins }), ...(wsApi && { api: wsApi }) },
    credentials: await readCredentials(config['http.jwtsecret'], config['http.tokenfile']),
    insecure: config['http.insecure'],
    allowance: {
      unitsPerSec: config['http.ratelimit'],
      loopbackUnitsPerSec: config['http.ratelimit.local'],
    },
    metrics: config.metrics,
  }
}

async function readCredentials(
  jwtFile: string | undefined,
  tokenFile: string | undefined,
): Promise<Credentials | undefined> {
  if (jwtFile === undefined && tokenFile === undefined) return undefined
  return {
    jwtSecret: jwtFile === undefined ? undefined : await readJwtSecret('--http.jwtsecret', jwtFile),
    bearerTokens: tokenFile === undefined ? undefined : await readTokens(tokenFile),
  }
}

/** 32 bytes. @throws ConfigError that names `flag` alone. */
export async function readJwtSecret(flag: string, file: string): Promise<Uint8Array> {
  const digits = (await read(flag, file)).trim().replace(/^0x/, '')
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) throw new ConfigError(`${flag}: the file is not 64 hex digits`)
  return fromHex(digits)
}

/** Characters that a token must have: a guess must be hopeless at any rate. */
const LEAST_TOKEN_LENGTH = 16

async function readTokens(file: string): Promise<readonly string[]> {
  const lines = (await read('--http.tokenfile', file)).split('\n').map((line) => line.trim())
  const tokens = lines.filter((line) => line !== '')
  if (tokens.length === 0) throw new ConfigError('--http.tokenfile: the file holds no token')
  if (tokens.some((token) => token.length < LEAST_TOKEN_LENGTH || /\s/.test(token))) {
    throw new ConfigError(
      `--http.tokenfile: the file wants a token a line, ${LEAST_TOKEN_LENGTH} characters or more, without spaces`,
    )
  }
  return tokens
}

/** Errors do not show the path: it may be a secret that was given in a file's place. */
async function read(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigError(`${flag}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
