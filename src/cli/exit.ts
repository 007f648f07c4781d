import { ConfigError } from '../node/config.ts'
import { StoreError } from '../primitives/errors.ts'

/** What the process tells whoever started it. Documented in README.md. */
export const EXIT = {
  ok: 0,
  /** It failed while running: a port in use, a refused block. */
  failed: 1,
  /** A flag, a variable, a file name or a genesis cannot be used. */
  usage: 2,
  /** The data directory is held by another process, damaged, of another network, or its disk is full. */
  store: 3,
} as const

/** A failure that ends the process, as one line and an exit code. */
export interface Failure {
  readonly line: string
  readonly exitCode: number
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof ConfigError) return failure(error.message, EXIT.usage)
  if (error instanceof StoreError) return failure(`${error.message}; ${error.remedy}`, EXIT.store)
  // Ctrl-C at a prompt; the library that asks says so at length.
  if (error instanceof Error && error.name === 'ExitPromptError') return failure('interrupted', EXIT.failed)
  if (isSystemError(error) && error.syscall === 'listen') {
    const place = `${error.address}:${error.port}`
    const reason = error.code === 'EADDRINUSE' ? 'the port is in use' : (error.code ?? error.message)
    return failure(`cannot serve RPC on ${place}: ${reason}; see --http.addr and --http.port`, EXIT.failed)
  }
  if (isSystemError(error) && error.syscall === 'getaddrinfo') {
    return failure(`cannot serve RPC on ${error.hostname}: no address is known of it; see --http.addr`, EXIT.failed)
  }
  if (error instanceof Error && error.name === 'UnsupportedListenAddressesError') {
    // What libp2p says is several lines, for its programmers.
    const [, place, reason] = /^ *(\/\S+): (?:Error: )?(.+)$/m.exec(error.message) ?? []
    return failure(`cannot listen for peers on ${place}: ${reason}; see --port and --p2p.addr`, EXIT.failed)
  }
  return failure(error instanceof Error ? error.message : String(error), EXIT.failed)
}

interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string
  readonly hostname?: string
  readonly port?: number
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error
}

function failure(message: string, exitCode: number): Failure {
  // One line, and nothing that a terminal obeys: a part of it may be what a node answered.
  return { line: `idobata: ${message.replaceAll(/\s*\p{Cc}+\s*/gu, ' ')}`, exitCode }
}
