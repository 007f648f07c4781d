import { type Command, Option } from 'commander'
import { environmentName, OPTIONS, type OptionName } from '../node/config.ts'

/** Shows how a command is called, below its options. */
export function addExamples(command: Command, ...lines: readonly string[]): void {
  command.addHelpText(
    'after',
    `\n${lines.length > 1 ? 'Examples' : 'Example'}:\n${lines.map((line) => `  $ ${line}`).join('\n')}`,
  )
}

/** Adds settings of the configuration table to a command, with default and variable in the help. */
export function addOptions(command: Command, names: readonly OptionName[]): void {
  for (const name of names) {
    const { argument, summary, fallback } = OPTIONS[name]
    const otherwise = fallback({ HOME: '~' })
    const shown = typeof otherwise === 'string' || typeof otherwise === 'number' ? ` (default: ${otherwise})` : ''
    const description = `${summary}${shown} [${environmentName(name)}]`
    command.addOption(new Option(argument ? `--${name} ${argument}` : `--${name}`, description))
    if (name === 'http') command.addOption(new Option('--no-http', 'serve nothing'))
    if (name === 'ws') command.addOption(new Option('--no-ws', 'no WebSocket'))
    if (name === 'p2p') command.addOption(new Option('--no-p2p', 'no peers'))
  }
}

/** For commands that print data. */
export function addJsonOption(command: Command): void {
  command.option('--json', 'print one JSON value, for programs')
}

/** Which node to ask. */
export function addRpcOptions(command: Command): void {
  addOptions(command, ['rpc', 'rpc.tokenfile', 'rpc.jwtsecret', 'datadir', 'config'])
}

/** What every command has that asks a node and prints what it learns. */
export function addClientOptions(command: Command): void {
  addRpcOptions(command)
  addJsonOption(command)
}

/** For commands that encrypt or decrypt a key. */
export function addPasswordOption(command: Command): void {
  command.option('--password <file>', 'take the password from the first line of a file; - for standard input')
}
