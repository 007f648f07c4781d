import { describe, expect, it } from 'vitest'
import { askUntilProven } from '../../../src/light/ask.ts'
import { NoAnswer } from '../../support/light-peers.ts'
import { ManualClock } from '../../support/manual-clock.ts'

describe('a question', () => {
  it('reaches the last peer where all others deny', async () => {
    const peers = Array.from({ length: 16 }, (_, place) => `${place}`)
    const reports: string[] = []
    const answer = askUntilProven(
      peers,
      async (peer) => {
        if (peer !== '15') throw new NoAnswer('unavailable')
        return peer
      },
      {
        clock: new ManualClock(0),
        faultOf: (error) => (error as NoAnswer).fault,
        report: (peer) => reports.push(peer),
        signal: new AbortController().signal,
      },
    )
    expect(await answer).toBe('15')
    expect(reports).toEqual([])
  })
})
