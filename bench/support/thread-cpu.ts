import { readdirSync, readFileSync } from 'node:fs'

/** Kernel ticks of /proc: a hundredth of a second wherever Node runs. */
const TICK_MICROS = 10_000

/** CPU time of this process in µs by its threads' names (`node` is the main one); empty where there is no /proc. */
export function cpuByThread(): Map<string, number> {
  const sums = new Map<string, number>()
  let threads: string[]
  try {
    threads = readdirSync('/proc/self/task')
  } catch {
    return sums
  }
  for (const thread of threads) {
    const stat = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8')
    const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    sums.set(name, (sums.get(name) ?? 0) + (Number(fields[11]) + Number(fields[12])) * TICK_MICROS)
  }
  return sums
}
