import { readFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'

const SAMPLE_MS = 200

/** What a process holds at most until `whileRuns` settles, in MiB. */
export async function mostResidentMib(pid: number, whileRuns: Promise<unknown>): Promise<number> {
  let most = 0
  let over = false
  const end = () => {
    over = true
  }
  void whileRuns.then(end, end)
  while (!over) {
    const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    most = Math.max(most, Number(found?.[1] ?? 0) / 1024)
    await setTimeout(SAMPLE_MS)
  }
  return most
}

export function mib(value: number): string {
  return `${Math.round(value)} MiB`
}

/** Seconds of processor time that a process has had, or its main thread alone. */
export function cpuSec(pid: number, thread: 'all' | 'main' = 'all'): number {
  const file = thread === 'all' ? `/proc/${pid}/stat` : `/proc/${pid}/task/${pid}/stat`
  const fields = readFileSync(file, 'utf8').split(') ')[1]!.split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Infinity for none. */
export function p99(waits: readonly number[]): number {
  const sorted = waits.toSorted((a, b) => a - b)
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY
}
