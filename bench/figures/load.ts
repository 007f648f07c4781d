import { belowLimit } from '../support/figure.ts'
import type { FigureGroup } from './group.ts'

/** What importing flat out takes from the rest of the machine, and from the rest of the process. */
export const load: FigureGroup = {
  names: ['memory', 'event-loop'],
  async measure(session) {
    const { peakRssMb, delayP99Ms } = await session.importBesideNative(session.plan.many, 'unseen')
    return [
      belowLimit({ name: 'memory', value: peakRssMb, unit: 'MiB peak RSS' }, 700, session.judged),
      belowLimit({ name: 'event-loop', value: delayP99Ms, unit: 'ms delay p99' }, 50, session.judged),
    ]
  },
}
