import { expect, test } from 'vitest'
import { type HealthFacts, judgeReadiness } from '../../../src/rpc/health.ts'

const well: HealthFacts = { peers: 3, peerLimit: 77, isFirst: false, blocksBehind: 0, diskFreeBytes: 2 ** 40 }

test.each<[string, Partial<HealthFacts>, boolean, string]>([
  ['has peers', {}, true, '[+]peers ok: 3 of 77'],
  ['has none yet', { peers: 0 }, false, '[-]peers failed: 0 of 77'],
  ['wants none', { peers: 0, peerLimit: 0 }, true, '[+]peers ok: none wanted'],
  ['is the first of its network', { peers: 0, isFirst: true }, true, '[+]peers ok: 0 of 77, makes blocks itself'],
  ['was the first of its network', { isFirst: true }, true, '[+]peers ok: 3 of 77'],
])('a node that %s', (_, facts, ready, line) => {
  const judged = judgeReadiness({ ...well, ...facts })
  expect(judged.ready).toBe(ready)
  expect(judged.report.split('\n')).toContain(line)
})
