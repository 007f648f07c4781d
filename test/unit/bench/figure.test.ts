import { describe, expect, test } from 'vitest'
import { belowLimit, besidePeer, formatTable, reported } from '../../../bench/support/figure.ts'

const rate = { name: 'import', value: 12_000, unit: 'tx/s' }
const peer = { name: 'native', value: 24_000 }

describe('a figure beside a peer', () => {
  test('passes from the least ratio on', () => {
    expect(besidePeer(rate, peer, 0.5, true)).toEqual({ ...rate, against: peer, ratio: 0.5, bar: 0.5, pass: true })
    expect(besidePeer(rate, peer, 0.51, true).pass).toBe(false)
  })

  test('is not judged on another shape than that of the bar', () => {
    expect(besidePeer(rate, peer, 0.51, false)).toMatchObject({ ratio: 0.5, bar: 0.51, pass: null })
  })
})

describe('a figure with a limit', () => {
  const memory = { name: 'memory', value: 700, unit: 'MiB' }

  test('passes up to the limit', () => {
    expect(belowLimit(memory, 700, true)).toMatchObject({
      against: { name: 'limit', value: 700 },
      ratio: 1,
      pass: true,
    })
    expect(belowLimit({ ...memory, value: 700.1 }, 700, true).pass).toBe(false)
  })

  test('is not judged on another shape than that of the limit', () => {
    expect(belowLimit({ ...memory, value: 900 }, 700, false)).toMatchObject({ bar: 700, pass: null })
  })
})

test('a figure that is only reported has no bar, and a ratio only beside something', () => {
  expect(reported(rate)).toEqual({ ...rate, against: null, ratio: null, bar: null, pass: null })
  expect(reported(rate, peer)).toEqual({ ...rate, against: peer, ratio: 0.5, bar: null, pass: null })
})

test('the table has a row for each figure, its columns in line', () => {
  const delay = { name: 'event-loop', value: 61.23, unit: 'ms' }
  const table = formatTable([besidePeer(rate, peer, 0.5, true), belowLimit(delay, 50, true), reported(rate)])
  expect(table).toBe(
    [
      'figure       value  unit  against          ratio    bar',
      'import      12,000  tx/s  native   24,000   0.50  ≥ 0.5  pass',
      'event-loop    61.2  ms    limit        50   1.22   ≤ 50  MISSED',
      'import      12,000  tx/s',
    ].join('\n'),
  )
})
