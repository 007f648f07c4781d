import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { NODE_FLAGS } from '../../src/node/heap.ts'
import { TEST_HOME } from './home.ts'

const ROOT = new URL('../..', import.meta.url).pathname
const LIFELINE = ['--import', new URL('lifeline.ts', import.meta.url).href]
const { PATH, NODE_COMPILE_CACHE } = process.env

/** How a process ended. */
export interface Ending {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

interface LogRecord {
  readonly msg: string
  readonly [fact: string]: unknown
}

/** `idobata` as a process of its own, its log read record by record. */
export class NodeProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<Ending>
  readonly #records: LogRecord[] = []
  readonly #waiting = new Set<() => void>()

  /** @param input  standard input, whole. @param within  a command that runs it, and its arguments. */
  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    input?: string,
    within: readonly string[] = [],
  ) {
    const [command, ...rest] = [
      ...within,
      process.execPath,
      ...NODE_FLAGS,
      ...LIFELINE,
      join(ROOT, 'src/cli/main.ts'),
      ...args,
    ]
    this.#child = spawn(command!, rest, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe', 'ipc'],
      // Alone, unless a test is about peers.
      env: { PATH, NODE_COMPILE_CACHE, HOME: TEST_HOME, IDOBATA_P2P: 'false', ...environment },
    })
    // A process that ends without reading it is no failure of the test.
    this.#child.stdin?.on('error', () => {}).end(input)
    let stdout = ''
    let stderr = ''
    this.#child.stderr!.on('data', (chunk) => {
      stderr += chunk
    })
    createInterface(this.#child.stdout!).on('line', (line) => {
      stdout += `${line}\n`
      if (line.startsWith('{"')) this.#records.push(JSON.parse(line))
      for (const wake of this.#waiting) wake()
    })
    this.#ended = once(this.#child, 'close').then(([exitCode]) => ({ exitCode, stdout, stderr }))
    // Once it is known how: whoever waits for a record looks for that next.
    void this.#ended.then(() => {
      for (const wake of this.#waiting) wake()
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** The first record whose message begins so. @throws Error if the process ends without one. */
  async record(start: string): Promise<LogRecord> {
    let ending: Ending | undefined
    void this.#ended.then((ended) => {
      ending = ended
    })
    for (;;) {
      const found = this.#records.find(({ msg }) => msg.startsWith(start))
      if (found) return found
      if (ending) throw new Error(`ended without "${start}": ${JSON.stringify(ending)}`)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#waiting.add(resolve)
      await promise
      this.#waiting.delete(resolve)
    }
  }

  /** Where RPC is served, once it is. */
  async rpcUrl(): Promise<string> {
    return String((await this.record('JSON-RPC')).url)
  }

  /** Stops reading what it writes, as `head` does when it has enough. */
  closeOutput(): void {
    this.#child.stdout!.destroy()
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  ended(): Promise<Ending> {
    return this.#ended
  }

  /** Does nothing if it has ended. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended
  }
}

/** Runs a command to its end. */
export function run(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Ending> {
  return new NodeProcess(args, environment, input).ended()
}
