/** Where a suite says what became of its cases. */
export interface Report {
  pass(): void
  fail(name: string, reason: string): void
  skip(reason: string): void
}

/** Judges every case under `dir`. Cases that break must be reported, not thrown; what is thrown counts as one failure. */
export type Suite = (dir: string, report: Report) => void | Promise<void>

export interface Failure {
  readonly name: string
  readonly reason: string
}

export class Tally implements Report {
  passed = 0
  readonly failures: Failure[] = []
  /** How many cases were skipped for each reason. */
  readonly skips = new Map<string, number>()

  pass(): void {
    this.passed++
  }

  fail(name: string, reason: string): void {
    this.failures.push({ name, reason })
  }

  skip(reason: string): void {
    this.skips.set(reason, (this.skips.get(reason) ?? 0) + 1)
  }

  get skipped(): number {
    let sum = 0
    for (const count of this.skips.values()) sum += count
    return sum
  }

  toString(): string {
    return `${this.passed} passed, ${this.failures.length} failed, ${this.skipped} skipped`
  }
}

/** Runs one case: it passes unless `judge` throws. */
export async function judgeCase(report: Report, name: string, judge: () => void | Promise<void>): Promise<void> {
  try {
    await judge()
  } catch (error) {
    report.fail(name, error instanceof Error ? `${error.name}: ${error.message}` : String(error))
    return
  }
  report.pass()
}

/** @throws Error naming both values, unless they are the same. */
export function expectSame(what: string, got: string | bigint, expected: string | bigint): void {
  if (got !== expected) throw new Error(`${what} is ${got}, expected ${expected}`)
}
