import { type Command, Option } from 'commander'
import { environmentName, OPTIONS, type OptionName } from '../node/config.ts'

/** Adds settings of the configuration table to a command, with default and variable in the help. */
export function addOptions(command: Command, names: readonly OptionName[]): Command {
  for (const name of names) {
    const { argument, summary, fallback } = OPTIONS[name]
    const otherwise = fallback({ HOME: '~' })
    const shown = typeof otherwise === 'string' || typeof otherwise === 'number' ? ` (default: ${otherwise})` : ''
    const description = `${summary}${shown} [${environmentName(name)}]`
    command.addOption(new Option(argument ? `--${name} ${argument}` : `--${name}`, description))
    if (name === 'http') command.addOption(new Option('--no-http', 'serve nothing'))
    if (name === 'ws') command.addOption(new Option('--no-ws', 'no WebSocket'))
  }
  return command
}
