import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Random } from './random.ts'

/** When a process is killed: at a moment after its start, or after so many lines or events. */
export interface KillPlan {
  /** Counted events before it; 0: none, so that it is hit while it starts. */
  readonly afterEvents: number
  readonly delayMs: number
}

/** One in four dies while it starts, which after a kill means: while it recovers. */
export function drawKillPlan(random: Random, maxEvents: number): KillPlan {
  if (random.chance(0.25)) return { afterEvents: 0, delayMs: random.integer(0, 900) }
  return { afterEvents: random.integer(1, maxEvents), delayMs: random.integer(0, 20) }
}

/** A process that will be killed by its plan, unless it ends before. */
export class Victim {
  readonly #child: ChildProcess
  readonly #plan: KillPlan
  readonly #ended: Promise<unknown>
  #events = 0
  #stderr = ''
  killed = false

  constructor(script: string, args: readonly string[], plan: KillPlan, onLine: (words: string[]) => void) {
    this.#plan = plan
    const file = new URL(script, import.meta.url).pathname
    this.#child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child.stderr!.on('data', (chunk) => {
      this.#stderr += chunk
    })
    createInterface(this.#child.stdout!).on('line', (line) => onLine(line.split(' ')))
    this.#ended = once(this.#child, 'close')
    if (plan.afterEvents === 0) this.#child.once('spawn', () => this.#killSoon())
  }

  /** Something was acknowledged. */
  count(): void {
    if (++this.#events === this.#plan.afterEvents) this.#killSoon()
  }

  /** Not a wait for anything: it spreads the kills over what the process is doing. */
  #killSoon(): void {
    setTimeout(() => {
      this.killed = this.#child.kill('SIGKILL')
    }, this.#plan.delayMs)
  }

  /** @throws Error if it has ended by itself, and not well. */
  async ended(): Promise<void> {
    await this.#ended
    const { exitCode, signalCode } = this.#child
    if (exitCode !== 0 && !this.killed) throw new Error(`ended with ${exitCode ?? signalCode}: ${this.#stderr}`)
  }

  stop(): void {
    this.#child.kill('SIGTERM')
  }
}
