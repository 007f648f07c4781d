/** There at once where nothing has to be waited for: what a full node has in memory, a light node asks others for. */
export type Eventually<T> = T | Promise<T>

/**
 * Goes on with a value, at once where it is there: the promises on the way of a call that is answered from memory would cost
 * more than the answer.
 */
export function whenThere<T, R>(value: Eventually<T>, next: (value: T) => Eventually<R>): Eventually<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
