/** Runs what it is given one after the other, in the order given; each result and failure is its caller's. */
export class OneByOne {
  #last: Promise<unknown> = Promise.resolve()

  run<Result>(step: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(step)
    this.#last = result.catch(() => undefined)
    return result
  }
}
