/** Values logged beside a message. */
export type LogFacts = Readonly<Record<string, string | number | bigint | boolean>>

/** Where the node tells what happens; the command line decides what it looks like. */
export interface Logger {
  debug(message: string, facts?: LogFacts): void
  info(message: string, facts?: LogFacts): void
  warn(message: string, facts?: LogFacts): void
  error(message: string, facts?: LogFacts): void
}

export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} }
