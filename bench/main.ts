import { parseArgs } from 'node:util'
import { disk } from './figures/disk.ts'
import { gossip } from './figures/gossip.ts'
import type { FigureGroup } from './figures/group.ts'
import { growth } from './figures/growth.ts'
import { idle } from './figures/idle.ts'
import { importPooled, importUnseen } from './figures/import.ts'
import { lateJoiner } from './figures/late-joiner.ts'
import { lightReads, lightSync } from './figures/light.ts'
import { load } from './figures/load.ts'
import { mining } from './figures/mining.ts'
import { restart } from './figures/restart.ts'
import { coldStart, rpcHeads, rpcReads, rpcSend } from './figures/rpc.ts'
import { throughput } from './figures/throughput.ts'
import { trie } from './figures/trie.ts'
import { type Figure, formatTable } from './support/figure.ts'
import { Session } from './support/session.ts'

/** `npm run bench -- [--json] [--quick] [--only NAME]`; docs/benchmarks.md says what is measured and how to read it. */
const GROUPS: readonly FigureGroup[] = [
  importUnseen,
  growth,
  importPooled,
  load,
  trie,
  restart,
  disk,
  mining,
  rpcReads,
  rpcSend,
  coldStart,
  rpcHeads,
  gossip,
  idle,
  throughput,
  lateJoiner,
  lightSync,
  lightReads,
]
const NAMES = GROUPS.flatMap(({ names }) => names)
const USAGE = `usage: npm run bench -- [--json] [--quick] [--only NAME], NAME one of:\n  ${NAMES.join('\n  ')}`

interface Options {
  readonly json: boolean
  readonly quick: boolean
  readonly only: string | undefined
}

function readOptions(): Options | string {
  try {
    const { values } = parseArgs({
      options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, only: { type: 'string' } },
    })
    const { json = false, quick = false, only } = values
    if (only !== undefined && !NAMES.includes(only)) return `--only: there is no figure "${only}"`
    return { json, quick, only }
  } catch (error) {
    return (error as Error).message
  }
}

async function measure({ quick, only }: Options): Promise<Figure[]> {
  const session = new Session({ quick }, { log: (text) => console.error(`  ${text}`) })
  const figures: Figure[] = []
  for (const group of GROUPS) {
    if (only !== undefined && !group.names.includes(only)) continue
    figures.push(...(await group.measure(session)))
  }
  return figures.filter(({ name }) => only === undefined || name === only || name.startsWith(`${only}-`))
}

const options = readOptions()
if (typeof options === 'string') {
  console.error(`${options}\n${USAGE}`)
  process.exitCode = 2
} else {
  const figures = await measure(options)
  console.log(options.json ? JSON.stringify(figures, undefined, 2) : formatTable(figures))
  if (options.quick) console.error('\nquick: the bars are for the full shapes, so nothing here is judged by them')
  const missed = figures.filter(({ pass }) => pass === false).map(({ name }) => name)
  if (missed.length > 0) console.error(`\nbelow the bar: ${missed.join(', ')}`)
}
