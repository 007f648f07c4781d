/** One small value that outlives a restart. */
export interface Durable<Value> {
  /** Undefined: none was ever saved. */
  load(): Value | undefined
  /** Resolves when it is on the medium, in place of the one before. */
  save(value: Value): Promise<void>
}
