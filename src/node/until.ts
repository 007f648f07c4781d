import type { Clock } from '../primitives/clock.ts'

/** Milliseconds between two looks. */
const LOOK_MS = 200

/** Looks at once, and then again and again. @returns whether `check` came true within that time. */
export function becomesTrue(check: () => boolean, withinMs: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (leftMs: number) => {
      if (check()) resolve(true)
      else if (leftMs <= 0) resolve(false)
      else clock.after(Math.min(LOOK_MS, leftMs), () => look(leftMs - LOOK_MS))
    }
    look(withinMs)
  })
}
