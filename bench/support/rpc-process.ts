import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../src/node/heap.ts'
import type { NodeReport } from './node-report.ts'

/** A server in a process of its own. */
export class RpcProcess {
  readonly url: string
  readonly #child: ChildProcess

  static async start(script: string, args: readonly (string | number)[] = []): Promise<RpcProcess> {
    const file = fileURLToPath(new URL(`../${script}`, import.meta.url))
    const child = fork(file, args.map(String), {
      execArgv: [...NODE_FLAGS, '--expose-gc'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const [url] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => {
        throw new Error(`bench/${script} ended with code ${code} before it served`)
      }),
    ])
    return new RpcProcess(child, url)
  }

  private constructor(child: ChildProcess, url: string) {
    this.#child = child
    this.url = url
  }

  async report(): Promise<NodeReport> {
    this.#child.send('report')
    const [report] = await once(this.#child, 'message')
    return report
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit')
    this.#child.disconnect()
    await exited
  }
}
