import { besidePeer, reported } from '../support/figure.ts'
import { runChild } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** What `trie-run.ts` prints: milliseconds of one round, medians. */
export interface TrieRun {
  readonly updateMs: number
  readonly mptMs: number
  readonly flushMs: number
}

/** Many accounts of a large state changed at once: in memory, and on disk. */
export const trie: FigureGroup = {
  names: ['trie-update', 'trie-flush'],
  async measure({ plan, judged, log }) {
    const { accounts, changes, rounds } = plan.trie
    log(`updating ${changes} of ${accounts} accounts, ${rounds} times, beside @ethereumjs/mpt`)
    const { updateMs, mptMs, flushMs } = await runChild<TrieRun>('trie-run.ts', [accounts, changes, rounds])
    const perSecond = (ms: number) => (changes / ms) * 1000
    const peer = { name: '@ethereumjs/mpt', value: perSecond(mptMs) }
    return [
      besidePeer({ name: 'trie-update', value: perSecond(updateMs), unit: 'accounts/s' }, peer, 20, judged),
      reported(
        { name: 'trie-flush', value: flushMs, unit: 'ms to disk' },
        { name: 'the update in memory', value: updateMs },
      ),
    ]
  },
}
