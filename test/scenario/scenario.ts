/** What a scenario is told. */
export interface ScenarioOptions {
  /** The short form, as `npm test` runs it. */
  readonly quick: boolean
  /** All that is left to chance follows from it. */
  readonly seed: number
  readonly log: (line: string) => void
}

/** One thing that was seen, beside what must hold. */
export interface Finding {
  /** What was looked at, with its unit. */
  readonly name: string
  readonly value: string
  /** In words; undefined: only reported. */
  readonly bar?: string
  readonly pass?: boolean
}

export interface Scenario {
  readonly name: string
  /** One line for the list. */
  readonly claim: string
  run(options: ScenarioOptions): Promise<readonly Finding[]>
}
