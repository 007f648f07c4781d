import { Command } from 'commander'
import { packageVersion } from '../node/version.ts'

/** Gives an empty command its arguments, options and action. */
export type Build = (command: Command) => void

interface Entry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Build>
}

/** Every command, in the order of the help. Only the one that is called is loaded: together they take half a second. */
export const COMMANDS: readonly Entry[] = [
  { name: 'start', summary: 'run a full node, or a light one', load: async () => (await import('./start.ts')).build },
  { name: 'import', summary: 'add the blocks of a file', load: async () => (await import('./import.ts')).build },
  { name: 'export', summary: 'write blocks to a file', load: async () => (await import('./export.ts')).build },
  {
    name: 'account',
    summary: 'make, import and list accounts',
    load: async () => (await import('./account.ts')).build,
  },
  { name: 'balance', summary: 'show what an account has', load: async () => (await import('./balance.ts')).build },
  { name: 'send', summary: 'send coins', load: async () => (await import('./send.ts')).build },
  { name: 'tx', summary: 'show a transaction', load: async () => (await import('./tx.ts')).build },
  { name: 'block', summary: 'show a block', load: async () => (await import('./block.ts')).build },
  { name: 'peers', summary: 'show who a node is connected to', load: async () => (await import('./peers.ts')).build },
  {
    name: 'watch',
    summary: 'show how blocks reach a node, as they come',
    load: async () => (await import('./watch.ts')).build,
  },
  { name: 'rpc', summary: 'call one JSON-RPC method', load: async () => (await import('./rpc.ts')).build },
  { name: 'attach', summary: 'call methods from a console', load: async () => (await import('./attach.ts')).build },
  { name: 'db', summary: 'look after a data directory', load: async () => (await import('./db.ts')).build },
  {
    name: 'config',
    summary: 'show every setting and where it comes from',
    load: async () => (await import('./config.ts')).build,
  },
]

const EXIT_CODES = `
Exit codes: 0 done or stopped as asked, 1 failed while running, 2 wrong usage or configuration,
3 the data directory cannot be used, or its disk is full.`

/**
 * The command line for `args`, what follows the program's name. Throws instead of exiting: CommanderError for usage, anything
 * else from a command.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = new Command('idobata')
    .description("A blockchain node: Ethereum's London ledger and RPC.")
    .version(packageVersion())
    .addHelpText('after', EXIT_CODES)
  const called = args[0] === 'help' ? args[1] : args[0]
  for (const { name, summary, load } of COMMANDS) {
    const command = program.command(name).description(summary)
    if (name === called) (await load())(command)
  }
  setManners(program)
  return program
}

/** One line that says what is wrong, and no exit from inside. */
function setManners(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) =>
      write(
        `${text
          .replace(/^error: /, 'idobata: ')
          .trim()
          .replaceAll(/\s*\n\s*/g, ' ')}\n`,
      ),
  })
  for (const subcommand of command.commands) setManners(subcommand)
}
