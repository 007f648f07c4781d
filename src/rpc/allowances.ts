import type { Clock } from '../primitives/clock.ts'
import { isLoopback } from './addresses.ts'
import { ALLOWANCE_BURST_SEC, MAX_ALLOWANCES } from './limits.ts'

/** Keeps clients from asking more than their share. */
export interface Allowance {
  /** Takes `units` from what `client` may use. @returns undefined, or why the client has to wait. */
  take(client: string, units: number): { readonly reason: string; readonly waitSec: number } | undefined
  /** Takes `units` for what `client` has been let do already, even if that leaves it in debt. */
  charge(client: string, units: number): void
}

export interface AllowanceOptions {
  /** Units a second of a client that is not on this machine; 0: no limit. */
  readonly unitsPerSec: number
  /** The same for this machine. */
  readonly loopbackUnitsPerSec: number
}

interface Bucket {
  units: number
  atMs: number
}

/**
 * A token bucket for each client. Whoever has anything left may send one more message, whatever it costs, and is then
 * in debt: so a batch that costs more than the whole bucket can be sent, but not often.
 */
export class Allowances implements Allowance {
  readonly #options: AllowanceOptions
  readonly #clock: Clock
  /** The one that has not asked for longest comes first. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(options: AllowanceOptions, { clock }: { readonly clock: Clock }) {
    this.#options = options
    this.#clock = clock
  }

  take(client: string, units: number): { readonly reason: string; readonly waitSec: number } | undefined {
    const perSec = this.#unitsPerSec(client)
    if (perSec === 0) return undefined
    const bucket = this.#bucket(client, perSec)
    if (bucket.units > 0) {
      bucket.units -= units
      return undefined
    }
    const waitSec = Math.floor(-bucket.units / perSec) + 1
    return { reason: `more than ${perSec} units a second; ask again in ${waitSec} s`, waitSec }
  }

  charge(client: string, units: number): void {
    const perSec = this.#unitsPerSec(client)
    if (perSec > 0) this.#bucket(client, perSec).units -= units
  }

  #unitsPerSec(client: string): number {
    const { unitsPerSec, loopbackUnitsPerSec } = this.#options
    return isLoopback(client) ? loopbackUnitsPerSec : unitsPerSec
  }

  #bucket(client: string, perSec: number): Bucket {
    const nowMs = this.#clock.nowMs()
    const most = perSec * ALLOWANCE_BURST_SEC
    const bucket = this.#buckets.get(client)
    if (bucket === undefined) {
      const [oldest] = this.#buckets.keys()
      if (oldest !== undefined && this.#buckets.size >= MAX_ALLOWANCES) this.#buckets.delete(oldest)
      const fresh = { units: most, atMs: nowMs }
      this.#buckets.set(client, fresh)
      return fresh
    }
    // The clock may have been set back.
    const elapsedMs = Math.max(0, nowMs - bucket.atMs)
    bucket.units = Math.min(most, bucket.units + (elapsedMs * perSec) / 1_000)
    bucket.atMs = nowMs
    this.#buckets.delete(client)
    this.#buckets.set(client, bucket)
    return bucket
  }
}
