import { pino } from 'pino'
import type { LogFacts, Logger } from '../node/logger.ts'

/** Where log output goes; `process.stdout` is one. */
export interface LogStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

export interface Log extends Logger {
  /** Says how things stand: the one line that stays at the bottom of a terminal, an ordinary record elsewhere. */
  status(line: string, facts: LogFacts): void
  /** Leaves the terminal on a fresh line. */
  close(): void
}

const LEVELS = ['silent', 'error', 'warn', 'info', 'debug'] as const

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
      Object.entries(facts).map(([name, value]) => [name, typeof value === 'bigint' ? `${value}` : value]),
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

function terminalLog(verbosity: number, stream: LogStream, nowMs: () => number): Log {
  let status = ''
  const show = () => stream.write(status.slice(0, (stream.columns || 80) - 1))
  const line =
    (level: number, mark: string) =>
    (message: string, facts: LogFacts = {}) => {
      if (level > verbosity) return
      const time = new Date(nowMs()).toISOString().slice(11, 19)
      const details = Object.entries(facts).map(([name, value]) => `  ${name} ${value}`)
      stream.write(`${ERASE_LINE}${time} ${mark}${message}${details.join('')}\n`)
      show()
    }
  return {
    error: line(1, '\x1b[31merror\x1b[0m '),
    warn: line(2, '\x1b[33mwarning\x1b[0m '),
    info: line(3, ''),
    debug: line(4, '\x1b[2m·\x1b[0m '),
    status(text) {
      if (verbosity < 3) return
      status = text
      stream.write(ERASE_LINE)
      show()
    },
    close: () => void stream.write(status === '' ? '' : '\n'),
  }
}
