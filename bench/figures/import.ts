import { besidePeer } from '../support/figure.ts'
import type { ImportMode } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** Import beside native recovery of public keys alone, on all cores. */
function importFigure(name: string, mode: ImportMode, leastRatio: number): FigureGroup {
  return {
    names: [name],
    async measure(session) {
      const { perSecond, nativePerSecond } = await session.importBesideNative(session.plan.many, mode)
      const peer = { name: 'native recovery, all cores', value: nativePerSecond }
      return [besidePeer({ name, value: perSecond, unit: 'tx/s' }, peer, leastRatio, session.judged)]
    },
  }
}

/** Signatures never seen before. */
export const importUnseen = importFigure('import-unseen', 'unseen', 0.5)
/** Every transaction has come through the pool. */
export const importPooled = importFigure('import-pooled', 'pooled', 0.75)
