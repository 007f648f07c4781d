import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { keccak256 } from '../../src/crypto/keccak.ts'
import { NonceSearcher } from '../../src/miner/nonce-search.ts'
import { systemClock } from '../../src/node/system.ts'
import { reported } from '../support/figure.ts'
import type { FigureGroup } from './group.ts'

/** The search for proof of work on one thread, beside nothing but hashes on one thread. */
export const mining: FigureGroup = {
  names: ['hash-rate'],
  async measure({ plan: { loopMs }, log }) {
    log('searching nonces')
    const before = rawHashRate(loopMs)
    const value = await searchRate(loopMs)
    const after = rawHashRate(loopMs)
    return [
      reported({ name: 'hash-rate', value, unit: 'hashes/s' }, { name: 'raw keccak256', value: (before + after) / 2 }),
    ]
  },
}

async function searchRate(durationMs: number): Promise<number> {
  const searcher = new NonceSearcher({ threads: 1 }, { clock: systemClock, randomBytes })
  try {
    // No hash is that small, so the search goes on until it is stopped.
    const search = searcher.search(randomBytes(32), 0n, new AbortController().signal)
    while (searcher.hashes === 0n) await sleep(10)
    const hashes = searcher.hashes
    const startMs = performance.now()
    await sleep(durationMs)
    const rate = (Number(searcher.hashes - hashes) / (performance.now() - startMs)) * 1000
    await searcher.stop()
    await search
    return rate
  } finally {
    await searcher.stop()
  }
}

/** keccak256 of 40 bytes, which is what a nonce costs at the least. */
function rawHashRate(durationMs: number): number {
  const input = randomBytes(40)
  const startMs = performance.now()
  let elapsedMs = 0
  let hashes = 0
  while (elapsedMs < durationMs) {
    for (let i = 0; i < 1000; i++) keccak256(input)
    hashes += 1000
    elapsedMs = performance.now() - startMs
  }
  return (hashes / elapsedMs) * 1000
}
