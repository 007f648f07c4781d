interface Addition<Item> {
  readonly item: Item
}
type Task = () => Promise<void>

export interface SerialOptions<Item> {
  /** Never rejects, except for a bug. */
  readonly addAll: (items: readonly Item[]) => Promise<void>
  readonly weigh: (item: Item) => number
  /** What is added at once weighs no more, unless it is one item. */
  readonly maxWeight: number
  /** Between two such additions: lets others have the thread. */
  readonly pause: () => Promise<void>
}

/** Runs tasks one after the other, in the order in which they were handed in; neighbouring additions together. */
export class Serial<Item> {
  readonly #options: SerialOptions<Item>
  #jobs: (Addition<Item> | Task)[] = []
  #working = false

  constructor(options: SerialOptions<Item>) {
    this.#options = options
  }

  add(item: Item): void {
    this.#enqueue({ item })
  }

  /** Settles as `task` does. */
  run<Result>(task: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#enqueue(() => task().then(resolve, reject))
    })
  }

  #enqueue(job: Addition<Item> | Task): void {
    this.#jobs.push(job)
    if (!this.#working) void this.#work()
  }

  async #work(): Promise<void> {
    this.#working = true
    // Additions of the same turn are to come together.
    await Promise.resolve()
    while (this.#jobs.length > 0) {
      const jobs = this.#jobs
      this.#jobs = []
      let additions: Item[] = []
      for (const job of jobs) {
        if (typeof job !== 'function') additions.push(job.item)
        else {
          await this.#add(additions)
          additions = []
          await job()
        }
      }
      await this.#add(additions)
    }
    this.#working = false
  }

  async #add(items: readonly Item[]): Promise<void> {
    const { addAll, weigh, maxWeight, pause } = this.#options
    let start = 0
    while (start < items.length) {
      let end = start
      let weight = 0
      while (end < items.length && (end === start || weight + weigh(items[end]!) <= maxWeight)) {
        weight += weigh(items[end++]!)
      }
      if (start > 0) await pause()
      await addAll(items.slice(start, end))
      start = end
    }
  }
}
