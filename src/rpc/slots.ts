import { limitExceeded } from './errors.ts'

export interface SlotsOptions {
  /** Tasks that run at a time. */
  readonly count: number
  /** Tasks that wait, of one client and of all. */
  readonly maxWaitingOfClient: (client: string) => number
  readonly maxWaiting: number
}

/** Runs so many tasks at a time. Those who wait take turns by client, so that one who asks for much delays mostly himself. */
export class Slots {
  readonly #options: SlotsOptions
  #free: number
  #waitingCount = 0
  /** First the client whose turn is next; none without a task. */
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(options: SlotsOptions) {
    this.#options = options
    this.#free = options.count
  }

  /** Settles as `task` does. @throws RpcError -32005 if too many wait. */
  async run<Result>(client: string, task: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free--
    else await this.#turn(client)
    try {
      return await task()
    } finally {
      // Handed on as it is, so that nobody who comes just now is quicker than those who wait.
      const next = this.#takeNext()
      if (next) next()
      else this.#free++
    }
  }

  #turn(client: string): Promise<void> {
    const own = this.#waiting.get(client) ?? []
    const most = this.#options.maxWaitingOfClient(client)
    if (own.length >= most) throw limitExceeded(`${most} calls of one client that wait for a block`, most)
    const { maxWaiting } = this.#options
    if (this.#waitingCount >= maxWaiting) throw limitExceeded(`${maxWaiting} calls that wait for a block`, maxWaiting)
    this.#waitingCount++
    this.#waiting.set(client, own)
    return new Promise((resolve) => own.push(resolve))
  }

  #takeNext(): (() => void) | undefined {
    const [first] = this.#waiting
    if (!first) return undefined
    const [client, own] = first
    const next = own.shift()
    this.#waitingCount--
    this.#waiting.delete(client)
    if (own.length > 0) this.#waiting.set(client, own)
    return next
  }
}
