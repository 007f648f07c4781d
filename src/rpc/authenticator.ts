import { createHash, timingSafeEqual } from 'node:crypto'
import { type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from '../primitives/clock.ts'

/** Seconds that a token's `iat` may be away from now, as for geth's engine API: what is overheard is soon worthless. */
const MAX_TOKEN_AGE_SEC = 60

/** Why a request is turned away before anybody reads what it asks. */
export interface Refusal {
  readonly status: 401 | 403
  readonly reason: string
}

/** At least one of the two. */
export interface Credentials {
  /** Texts that are sent as they are: `Authorization: Bearer TEXT`. */
  readonly bearerTokens?: readonly string[] | undefined
  /** Signs JSON Web Tokens by HS256, as for geth's engine API; 32 bytes. */
  readonly jwtSecret?: Uint8Array | undefined
}

/** Knows callers by the token in their Authorization header. */
export class Authenticator {
  /** Digests have one length, so that comparing takes one time. */
  readonly #digests: readonly Buffer[]
  readonly #secret: Uint8Array | undefined
  readonly #clock: Clock

  constructor({ bearerTokens = [], jwtSecret }: Credentials, { clock }: { readonly clock: Clock }) {
    this.#digests = bearerTokens.map(digestOf)
    this.#secret = jwtSecret
    this.#clock = clock
  }

  /** @returns undefined for somebody who is known. Neither the token nor anything of it is in a refusal. */
  async check(authorization: string | undefined): Promise<Refusal | undefined> {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return unauthorized('missing token: send Authorization: Bearer TOKEN')
    const digest = digestOf(token)
    if (this.#digests.filter((known) => timingSafeEqual(known, digest)).length > 0) return undefined
    if (this.#secret === undefined) return unauthorized('unknown token')
    return this.#checkSigned(token, this.#secret)
  }

  async #checkSigned(token: string, secret: Uint8Array): Promise<Refusal | undefined> {
    const nowMs = this.#clock.nowMs()
    let payload: JWTPayload
    try {
      const currentDate = new Date(nowMs)
      payload = (await jwtVerify(token, secret, { algorithms: ['HS256'], currentDate })).payload
    } catch {
      return unauthorized('token is not valid')
    }
    if (payload.iat === undefined) return unauthorized('token without issued-at')
    const isStale = Math.abs(nowMs / 1_000 - payload.iat) > MAX_TOKEN_AGE_SEC
    return isStale ? unauthorized(`token not issued within ${MAX_TOKEN_AGE_SEC} s of now`) : undefined
  }
}

function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

function unauthorized(reason: string): Refusal {
  return { status: 401, reason }
}
