import type { Figure } from '../support/figure.ts'
import type { Session } from '../support/session.ts'

/** Figures that one measurement gives. */
export interface FigureGroup {
  readonly names: readonly string[]
  /** One figure for each of `names`. */
  measure(session: Session): Promise<readonly Figure[]>
}
