import { join } from 'node:path'
import { type IPty, spawn } from '@lydell/node-pty'
import { TEST_HOME } from './home.ts'

const ROOT = new URL('../..', import.meta.url).pathname
/** Milliseconds for anything to be shown, on a busy machine too. */
const TIMEOUT_MS = 120_000

/** `idobata` on a pseudo-terminal, typed to as people do. */
export class Terminal {
  readonly #pty: IPty
  readonly #exit: Promise<number>
  readonly #waiting = new Set<() => void>()
  #screen = ''
  #read = 0

  constructor(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    this.#pty = spawn(process.execPath, [join(ROOT, 'src/cli/main.ts'), ...args], {
      cols: 200,
      rows: 50,
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        HOME: TEST_HOME,
        IDOBATA_P2P: 'false',
        TERM: 'xterm-256color',
        ...environment,
      },
    })
    this.#pty.onData((chunk) => {
      this.#screen += chunk
      for (const wake of this.#waiting) wake()
    })
    const { promise, resolve } = Promise.withResolvers<number>()
    this.#exit = promise
    this.#pty.onExit(({ exitCode }) => resolve(exitCode))
  }

  /** Everything that has been shown, escape sequences included. */
  get screen(): string {
    return this.#screen
  }

  /** Waits until `text` is shown, after what earlier calls have waited for. */
  async shows(text: string): Promise<void> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS)
    for (;;) {
      const at = this.#screen.indexOf(text, this.#read)
      if (at >= 0) {
        this.#read = at + text.length
        return
      }
      const { promise, resolve } = Promise.withResolvers<boolean>()
      const wake = () => resolve(true)
      const giveUp = () => resolve(false)
      this.#waiting.add(wake)
      timeout.addEventListener('abort', giveUp)
      void this.#exit.then(giveUp)
      if (!(await promise)) throw new Error(`"${text}" is not shown: ${JSON.stringify(this.#screen)}`)
      this.#waiting.delete(wake)
      timeout.removeEventListener('abort', giveUp)
    }
  }

  type(keys: string): void {
    this.#pty.write(keys)
  }

  /** The exit code. */
  ended(): Promise<number> {
    return this.#exit
  }

  kill(): void {
    this.#pty.kill('SIGKILL')
  }
}
