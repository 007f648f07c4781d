import { pino } from 'pino'
import type { LogFacts, Logger } from '../node/logger.ts'

/** Where log output goes; `process.stdout` is one. */
export interface LogStream {
  readonly isTTY?: boolean
  readonly columns?: number
  /** A terminal's, which knows NO_COLOR and TERM. */
  hasColors?(): boolean
  write(text: string): unknown
}

export interface Log extends Logger {
  /** Says how things stand: the one line that stays at the bottom of a terminal, an ordinary record elsewhere. */
  status(line: string, facts: LogFacts): void
  /** Leaves the terminal on a fresh line. */
  close(): void
}

const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const

/** What never stands in a log, by the name of the fact. */
const SECRETS = new Set(['password', 'privateKey', 'mnemonic', 'secret', 'token', 'authorization'])

function withoutSecrets(facts: LogFacts): [string, LogFacts[string]][] {
  return Object.entries(facts).map(([name, value]) => [name, SECRETS.has(name) ? '[not shown]' : value])
}

/** For people on a terminal, JSON lines otherwise. `verbosity` counts as geth's does, 0 to 4. */
export function createLog(verbosity: number, stream: LogStream, nowMs: () => number): Log {
  return stream.isTTY ? terminalLog(verbosity, stream, nowMs) : jsonLog(verbosity, stream)
}

function jsonLog(verbosity: number, stream: LogStream): Log {
  const destination = { write: (text: string) => void stream.write(text) }
  const logger = pino({ level: LEVELS[verbosity] ?? 'info', base: null }, destination)
  // JSON has no bigints.
  const plain = (facts: LogFacts = {}) =>
    Object.fromEntries(
      withoutSecrets(facts).map(([name, value]) => [name, typeof value === 'bigint' ? `${value}` : value]),
    )
  return {
    debug: (message, facts) => logger.debug(plain(facts), message),
    info: (message, facts) => logger.info(plain(facts), message),
    warn: (message, facts) => logger.warn(plain(facts), message),
    error: (message, facts) => logger.error(plain(facts), message),
    status: (_line, facts) => logger.info(plain(facts), 'status'),
    close() {},
  }
}

const ERASE_LINE = '\r\x1b[K'

/**
 * Written here rather than by pino-pretty: the status line has to stay below, and that would be thirty milliseconds and fourteen
 * packages for one line of text.
 */
function terminalLog(verbosity: number, stream: LogStream, nowMs: () => number): Log {
  let status = ''
  const show = () => stream.write(status.slice(0, (stream.columns || 80) - 1))
  const coloured = stream.hasColors?.() ?? false
  const colour = (code: number, text: string) => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text)
  const line =
    (level: number, mark: string) =>
    (message: string, facts: LogFacts = {}) => {
      if (level > verbosity) return
      const time = new Date(nowMs()).toISOString().slice(11, 19)
      const details = withoutSecrets(facts).map(([name, value]) => `  ${name} ${value}`)
      // What a peer sent may be part of it, and must not command the terminal.
      const text = `${message}${details.join('')}`.replaceAll(/\p{Cc}+/gu, ' ')
      stream.write(`${ERASE_LINE}${time} ${mark}${text}\n`)
      show()
    }
  return {
    error: line(1, `${colour(31, 'error')} `),
    warn: line(2, `${colour(33, 'warning')} `),
    info: line(3, ''),
    debug: line(4, `${colour(2, '·')} `),
    status(text) {
      if (verbosity < 3) return
      status = text
      stream.write(ERASE_LINE)
      show()
    },
    close: () => void stream.write(status === '' ? '' : '\n'),
  }
}
