/** A bug of ours, never the fault of input: the node stops rather than go on with a state nobody foresaw. */
class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** @throws AssertionError */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}
