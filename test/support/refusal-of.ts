import { BlockError, type BlockErrorCode } from '../../src/primitives/errors.ts'

/** The code with which `action` breaks a rule; undefined when it does not throw. Anything but a BlockError is a bug. */
export function refusalOf(action: () => void): BlockErrorCode | undefined {
  try {
    action()
  } catch (error) {
    if (error instanceof BlockError) return error.code
    throw error
  }
  return undefined
}
