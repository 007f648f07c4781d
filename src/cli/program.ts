import { Command } from 'commander'
import { packageVersion } from '../node/version.ts'
import { dbCommand } from './db.ts'
import { exportCommand } from './export.ts'
import { importCommand } from './import.ts'
import { startCommand } from './start.ts'

const EXIT_CODES = `
Exit codes: 0 done or stopped as asked, 1 failed while running, 2 wrong usage or configuration,
3 the data directory cannot be used.`

/** The whole command line. Throws instead of exiting: CommanderError for usage, anything else from a command. */
export function createProgram(): Command {
  const program = new Command('idobata')
    .description("A blockchain node: Ethereum's London ledger and RPC.")
    .version(packageVersion())
    .addHelpText('after', EXIT_CODES)
  for (const command of [startCommand(), importCommand(), exportCommand(), dbCommand()]) program.addCommand(command)
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
    command
      .exitOverride()
      // One line that says what is wrong; the suggestion would be a second.
      .showSuggestionAfterError(false)
      .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'idobata: ')) })
  }
  return program
}
