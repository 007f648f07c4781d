import { MAX_BLOCKS_BEHIND, MIN_DISK_FREE_BYTES } from './limits.ts'

/** How a node stands, for whoever decides whether to send it requests. */
export interface HealthFacts {
  readonly peers: number
  /** Peers that it may have; 0: it is alone by choice. */
  readonly peerLimit: number
  /** Blocks between its head and the best that it knows of. */
  readonly blocksBehind: number
  /** Where its data is; undefined: that cannot be told. */
  readonly diskFreeBytes: number | undefined
}

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

export interface Readiness {
  readonly ready: boolean
  /** A line for each check, in the layout of Kubernetes' own. */
  readonly report: string
}

const MIB = 1024 * 1024

/** Whether answers of a node that stands so are worth having. */
export function judgeReadiness({ peers, peerLimit, blocksBehind, diskFreeBytes }: HealthFacts): Readiness {
  const checks: Check[] = [
    {
      name: 'peers',
      ok: peers > 0 || peerLimit === 0,
      detail: peerLimit === 0 ? 'none wanted' : `${peers} of ${peerLimit}`,
    },
    { name: 'sync', ok: blocksBehind <= MAX_BLOCKS_BEHIND, detail: `${blocksBehind} blocks behind` },
    {
      name: 'disk',
      ok: diskFreeBytes === undefined || diskFreeBytes >= MIN_DISK_FREE_BYTES,
      detail: diskFreeBytes === undefined ? 'unknown' : `${Math.floor(diskFreeBytes / MIB)} MiB free`,
    },
  ]
  const ready = checks.every(({ ok }) => ok)
  const lines = checks.map(({ name, ok, detail }) => (ok ? `[+]${name} ok: ${detail}` : `[-]${name} failed: ${detail}`))
  return { ready, report: [...lines, `readyz check ${ready ? 'passed' : 'failed'}`].join('\n') }
}
