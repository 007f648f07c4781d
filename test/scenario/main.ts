import { parseArgs } from 'node:util'
import type { Scenario } from './scenario.ts'

/** Each is loaded only when it is run: some bring a whole network with them. */
const SCENARIOS: Readonly<Record<string, () => Promise<Scenario>>> = {
  'deep-reorg': async () => (await import('./deep-reorg.ts')).deepReorg,
  eclipse: async () => (await import('./eclipse.ts')).eclipse,
  hostile: async () => (await import('./hostile.ts')).hostile,
  'light-forks': async () => (await import('./light-forks.ts')).lightForks,
  'light-greedy': async () => (await import('./light-greedy.ts')).lightGreedy,
  'light-start': async () => (await import('./light-start.ts')).lightStart,
  'low-work': async () => (await import('./low-work.ts')).lowWork,
  nat: async () => (await import('./nat.ts')).nat,
  privacy: async () => (await import('./privacy.ts')).privacy,
  convergence: async () => (await import('./convergence.ts')).convergence,
  discovery: async () => (await import('./discovery.ts')).discovery,
  partition: async () => (await import('./partition.ts')).partition,
  propagation: async () => (await import('./propagation.ts')).propagation,
  'propagation-real': async () => (await import('./propagation-real.ts')).propagationReal,
  transports: async () => (await import('./transports.ts')).transports,
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } },
})
const unknown = positionals.filter((name) => !(name in SCENARIOS))
if (positionals.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`there is no scenario "${unknown[0]}"`)
  console.error('usage: npm run scenario -- NAME… [--quick] [--seed N], NAME one of:')
  for (const [name, load] of Object.entries(SCENARIOS)) console.error(`  ${name.padEnd(16)} ${(await load()).claim}`)
  process.exitCode = 2
}

if (unknown.length === 0) {
  for (const name of positionals) {
    const scenario = await SCENARIOS[name]!()
    console.log(`${name}: ${scenario.claim} (seed ${values.seed}${values.quick ? ', quick' : ''})`)
    const options = {
      quick: values.quick,
      seed: Number(values.seed),
      log: (line: string) => console.error(`  ${line}`),
    }
    for (const { name: what, value, bar, pass } of await scenario.run(options)) {
      const judged = pass === undefined ? '' : pass ? '  ok' : '  MISSED'
      console.log(`  ${what.padEnd(44)} ${value.padEnd(28)} ${bar ?? ''}${judged}`)
      if (pass === false) process.exitCode = 1
    }
  }
}
