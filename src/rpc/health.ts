import { MAX_BLOCKS_BEHIND, MIN_DISK_FREE_BYTES } from './limits.ts'

/** How a node stands, for whoever decides whether to send it requests. */
export interface HealthFacts {
  readonly peers: number
  /** Peers that it may have; 0: it is alone by choice. */
  readonly peerLimit: number
  /** It makes blocks, and was told of no other node to begin at: without peers, it is the network. */
  readonly isFirst: boolean
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
export function judgeReadiness(facts: HealthFacts): Readiness {
  const { blocksBehind, diskFreeBytes } = facts
  const checks: Check[] = [
    checkPeers(facts),
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

function checkPeers({ peers, peerLimit, isFirst }: HealthFacts): Check {
  const name = 'peers'
  if (peerLimit === 0) return { name, ok: true, detail: 'none wanted' }
  const count = `${peers} of ${peerLimit}`
  if (peers > 0 || !isFirst) return { name, ok: peers > 0, detail: count }
  return { name, ok: true, detail: `${count}, makes blocks itself` }
}
