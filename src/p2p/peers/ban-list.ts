import { isExemptFromNetworkCaps } from '../address-class.ts'
import { BAN_MS, MAX_BANS, MAX_DISCOURAGED } from './limits.ts'

/** A peer id, or the IP address of a host. */
export interface Ban {
  readonly target: string
  readonly untilMs: number
  readonly reason: string
}

/**
 * Whom we do not talk to. A ban is for what an honest node cannot do: it holds for a day, by peer id and by host, over
 * restarts. Who is discouraged did what a broken or badly connected one might do as well: we do not choose it, and it is the first
 * to go when places are short; that is forgotten at a restart. Hosts in private ranges are never banned, only the peer:
 * a whole network may be behind one.
 */
export class BanList {
  readonly #bans = new Map<string, Ban>()
  readonly #discouraged = new Set<string>()

  ban(peer: string, host: string | undefined, reason: string, nowMs: number, durationMs = BAN_MS): void {
    for (const target of targetsOf(peer, host)) this.add({ target, untilMs: nowMs + durationMs, reason }, nowMs)
  }

  add(ban: Ban, nowMs: number): void {
    this.#bans.set(ban.target, ban)
    if (this.#bans.size <= MAX_BANS) return
    this.#expire(nowMs)
    if (this.#bans.size <= MAX_BANS) return
    const first = [...this.#bans.values()].reduce((a, b) => (b.untilMs < a.untilMs ? b : a))
    this.#bans.delete(first.target)
  }

  /** @returns whether there was a ban. */
  lift(target: string): boolean {
    return this.#bans.delete(target)
  }

  discourage(peer: string, host: string | undefined): void {
    for (const target of targetsOf(peer, host)) {
      this.#discouraged.add(target)
      if (this.#discouraged.size > MAX_DISCOURAGED) this.#discouraged.delete(this.#discouraged.values().next().value!)
    }
  }

  /** @param target  a peer id or a host. */
  isBanned(target: string, nowMs: number): boolean {
    const ban = this.#bans.get(target)
    return ban !== undefined && ban.untilMs > nowMs
  }

  isDiscouraged(target: string): boolean {
    return this.#discouraged.has(target)
  }

  list(nowMs: number): Ban[] {
    this.#expire(nowMs)
    return [...this.#bans.values()]
  }

  #expire(nowMs: number): void {
    for (const [target, { untilMs }] of this.#bans) if (untilMs <= nowMs) this.#bans.delete(target)
  }
}

function targetsOf(peer: string, host: string | undefined): string[] {
  return host === undefined || isExemptFromNetworkCaps(host) ? [peer] : [peer, host]
}
