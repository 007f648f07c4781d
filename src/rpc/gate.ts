import type { IncomingHttpHeaders } from 'node:http'
import { isIP } from 'node:net'
import type { Authenticator, Refusal } from './authenticator.ts'

export interface GateOptions {
  /** Host names that the server may be called by, `*` for any; IP addresses always pass. */
  readonly vhosts: readonly string[]
  /** Origins of web pages that may ask, `*` for any; one that ends in `:*` stands for any port. */
  readonly origins: readonly string[]
}

/** Extensions are installed by their user, and no page can claim to be one: wallets ask from there. */
const EXTENSION = /^(chrome|moz|safari-web)-extension:\/\//

/**
 * Keeps web pages out. A page can make its visitor's browser send requests to this machine, and with a name that it
 * lets point here (DNS rebinding) even read the answers; but it cannot change the Host and Origin that the browser sends.
 */
export class Gate {
  readonly #vhosts: ReadonlySet<string>
  readonly #origins: ReadonlySet<string>
  readonly #authenticator: Authenticator | undefined

  constructor(
    { vhosts, origins }: GateOptions,
    { authenticator }: { readonly authenticator: Authenticator | undefined },
  ) {
    this.#vhosts = new Set(vhosts.map((name) => name.toLowerCase()))
    this.#origins = new Set(origins.map((origin) => origin.toLowerCase()))
    this.#authenticator = authenticator
  }

  /** Whether the origin was named by the operator, so that its pages may read answers. */
  shares(origin: string): boolean {
    const known = origin.toLowerCase()
    const anyPort = known.replace(/^([^:]+:\/\/(?:\[[^\]]*\]|[^:]*))(?::\d+)?$/, '$1:*')
    return this.#origins.has('*') || this.#origins.has(known) || this.#origins.has(anyPort)
  }

  /** Judges where a request comes from. */
  judge({ host, origin }: IncomingHttpHeaders): Refusal | undefined {
    if (host !== undefined && !this.#knowsHost(host)) {
      return { status: 403, reason: 'invalid host specified; --http.vhosts names those that are valid' }
    }
    if (origin === undefined || EXTENSION.test(origin) || origin === `http://${host}` || this.shares(origin)) {
      return undefined
    }
    return { status: 403, reason: 'origin not allowed; --http.corsdomain and --ws.origins name those that are' }
  }

  /** Judges who asks. Undefined at once where nobody has to say. */
  authenticate(headers: IncomingHttpHeaders): Promise<Refusal | undefined> | undefined {
    return this.#authenticator?.check(headers.authorization)
  }

  #knowsHost(header: string): boolean {
    if (this.#vhosts.has('*')) return true
    const name = /^\[(.*)\](?::\d*)?$/.exec(header)?.[1] ?? header.replace(/:\d*$/, '')
    return isIP(name) !== 0 || this.#vhosts.has(name.toLowerCase())
  }
}
