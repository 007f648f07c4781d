import type { Method, MethodTable } from './dispatch.ts'

/**
 * Lets calls run side by side, but those alone that take away what others are reading: they wait for all calls before them,
 * and all calls after them wait for their end. First come, first served.
 */
export class Turns {
  /** The last call that runs alone; settles without an error. */
  #alone: Promise<unknown> = Promise.resolve()
  /** The calls that do not, until they have ended; they settle without an error. */
  readonly #together = new Set<Promise<unknown>>()

  /** The same methods, called in turn. */
  order(methods: MethodTable): MethodTable {
    return Object.fromEntries(Object.entries(methods).map(([name, definition]) => [name, this.#ordered(definition)]))
  }

  #ordered(definition: Method): Method {
    const call: Method['call'] = (params, caller) => {
      const before = definition.alone ? Promise.all([this.#alone, ...this.#together]) : this.#alone
      const answer = before.then(() => definition.call(params, caller))
      const ended = answer.then(
        () => undefined,
        () => undefined,
      )
      if (definition.alone) this.#alone = ended
      else {
        this.#together.add(ended)
        ended.then(() => this.#together.delete(ended))
      }
      return answer
    }
    return { ...definition, call }
  }
}
