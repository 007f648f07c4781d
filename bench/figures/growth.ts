import { besidePeer } from '../support/figure.ts'
import type { FigureGroup } from './group.ts'

/** What a hundred times as many accounts cost. */
export const growth: FigureGroup = {
  names: ['growth'],
  async measure(session) {
    const { many, few } = session.plan
    const large = await session.importBesideNative(many, 'unseen')
    const small = await session.importBesideNative(few, 'unseen')
    const measured = { name: 'growth', value: large.perSecond, unit: 'tx/s' }
    const peer = { name: `at ${few.accounts.toLocaleString('en')} accounts`, value: small.perSecond }
    return [besidePeer(measured, peer, 0.6, session.judged)]
  },
}
