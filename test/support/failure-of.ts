import { vi } from 'vitest'
import { describeFailure, type Failure } from '../../src/cli/exit.ts'
import { createProgram } from '../../src/cli/program.ts'

/** What a command that fails would say and exit with; in this process, since that takes a second less. */
export async function failureOf(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Failure> {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  try {
    await (await createProgram(args)).parseAsync(args, { from: 'user' })
  } catch (error) {
    return describeFailure(error)
  } finally {
    vi.unstubAllEnvs()
  }
  throw new Error(`no failure: ${args.join(' ')}`)
}
