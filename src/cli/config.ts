import type { Command } from 'commander'
import { type Flags, OPTIONS, type OptionName } from '../node/config.ts'
import { loadExplainedConfig } from '../node/config-file.ts'
import { toHex } from '../primitives/bytes.ts'
import { addExamples, addJsonOption, addOptions } from './options.ts'
import { printJson, printTable } from './output.ts'

export function build(command: Command): void {
  command.action(async (flags: Flags) => show(flags))
  addExamples(command, 'idobata config --datadir /srv/idobata')
  addOptions(command, Object.keys(OPTIONS) as OptionName[])
  addJsonOption(command)
}

async function show(flags: Flags): Promise<void> {
  const { config, origins } = await loadExplainedConfig(flags, process.env)
  const settings = (Object.keys(OPTIONS) as OptionName[]).map((name) => {
    const value = config[name]
    const shown = value instanceof Uint8Array ? toHex(value) : typeof value === 'bigint' ? `${value}` : (value ?? null)
    return { name, value: shown, origin: origins[name] ?? 'default' }
  })
  if (flags.json) {
    printJson(Object.fromEntries(settings.map(({ name, value, origin }) => [name, { value, origin }])))
  } else {
    printTable(settings.map(({ name, value, origin }) => [name, `${value ?? '–'}`, origin]))
  }
}
