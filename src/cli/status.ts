import type { LightNodeStatus } from '../node/light-node.ts'
import type { LogFacts } from '../node/logger.ts'
import type { NodeStatus } from '../node/status.ts'
import { toHex } from '../primitives/bytes.ts'

/** How things stand, in one line for people. */
export function formatStatus(status: NodeStatus): string {
  const { number, hash, transactions, peers, pending, queued, hashrate } = status
  const hex = toHex(hash)
  return [
    `#${number} ${hex.slice(0, 10)}…${hex.slice(-4)}`,
    `${transactions} txs`,
    `${peers} peers`,
    `pool ${pending}${queued > 0 ? `+${queued}` : ''}`,
    ...(hashrate > 0 ? [formatHashrate(hashrate)] : []),
  ].join(' · ')
}

/** The same as a record. */
export function statusFacts({ hash, ...counts }: NodeStatus): LogFacts {
  return { ...counts, hash: toHex(hash) }
}

/** A light node in one line. */
export function formatLightStatus(status: LightNodeStatus): string {
  const { stage, head, tip, highestClaimed, peers, vouching, receivedBytes } = status
  const hex = toHex(head.hash)
  const behind = tip.header.number - head.header.number
  return [
    `#${head.header.number} ${hex.slice(0, 10)}…${hex.slice(-4)}`,
    ...(behind > 0 ? [`${behind} more proven`] : []),
    stage === 'following' ? stage : `${stage} (#${highestClaimed} claimed)`,
    `${vouching} of ${peers} peers have it`,
    `${Math.ceil(receivedBytes / 1024)} KiB received`,
  ].join(' · ')
}

/** The same as a record. */
export function lightStatusFacts({
  stage,
  head,
  tip,
  highestClaimed,
  peers,
  vouching,
  receivedBytes,
  samples,
}: LightNodeStatus): LogFacts {
  const { number } = head.header
  return {
    stage,
    number,
    hash: toHex(head.hash),
    proven: tip.header.number,
    highestClaimed,
    peers,
    vouching,
    receivedBytes,
    samples,
  }
}

const UNITS = ['H/s', 'kH/s', 'MH/s', 'GH/s']

function formatHashrate(hashrate: number): string {
  const step = Math.min(Math.floor(Math.log10(Math.max(hashrate, 1)) / 3), UNITS.length - 1)
  return `${(hashrate / 1000 ** step).toPrecision(3)} ${UNITS[step]}`
}
