import { describe, expect, it } from 'vitest'
import { HeaderBranch } from '../../../../src/chain/header-branch.ts'
import { appendLeaf, historyLeaf, NO_PEAKS } from '../../../../src/chain/history.ts'
import type { Head } from '../../../../src/chain/types.ts'
import { createPow } from '../../../../src/consensus/pow.ts'
import { hashHeader } from '../../../../src/crypto/hashes.ts'
import { SyncFault } from '../../../../src/p2p/sync/faults.ts'
import { HeaderDownload } from '../../../../src/p2p/sync/header-download.ts'
import { CLAIM_SLACK_HEADERS, UNPROVEN_HEADERS } from '../../../../src/p2p/sync/limits.ts'
import { toHex } from '../../../../src/primitives/bytes.ts'
import type { HashedHeader } from '../../../../src/primitives/header.ts'
import { headerWith } from '../../../support/header-chain.ts'
import { CHEAP_POW, HeaderMaker } from '../../../support/header-maker.ts'

const CHAIN_ID = 1337n
const genesis = hashHeader(headerWith({ difficulty: 16n }))
const base = {
  ...genesis,
  totalDifficulty: 16n,
  peaks: appendLeaf(NO_PEAKS, historyLeaf(genesis.hash, genesis.header)).peaks,
}
const params = { chainId: CHAIN_ID, maxGasLimit: 60_000_000n, gasLimitTarget: 30_000_000n, maxBlockBytes: undefined }
const engine = createPow(CHEAP_POW, {})

/** A chain of `length` headers on genesis. Blocks a second apart soon cost more work than those at their pace. */
function makeHeaders(length: number, seconds = 10): Head[] {
  const maker = new HeaderMaker(base, { chainId: CHAIN_ID })
  return Array.from({ length }, () => maker.next(seconds) as Head)
}

function download(threshold: bigint, claimedNumber: number, bad: readonly Uint8Array[] = []) {
  return new HeaderDownload(
    { threshold, claimedNumber },
    {
      branch: () => new HeaderBranch(base, { params, engine, known: () => undefined }),
      isBad: (hash) => bad.some((other) => toHex(other) === toHex(hash)),
      secret: () => new Uint8Array(32).fill(7),
    },
  )
}

/** Hands over what is asked for out of `chain`, to its end. @returns numbers of the headers that count, as they came. */
function feed(sync: HeaderDownload, chain: readonly HashedHeader[]): number[] {
  const counted: number[] = []
  for (;;) {
    const next = sync.next
    if (next === undefined) return counted
    const header = chain[next.start - 1]
    counted.push(...(header === undefined ? sync.end() : sync.take(header)).map((head) => head.header.number))
  }
}

function faultOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof SyncFault) return error.message
    throw error
  }
  throw new Error('no fault')
}

const numbers = (length: number) => Array.from({ length }, (_, i) => i + 1)
const work = (chain: readonly Head[]) => chain.at(-1)!.totalDifficulty

const short = makeHeaders(600)
const long = makeHeaders(3000)

describe('a chain whose claim fits into what is held back', () => {
  it('counts from the header on with which it has the work that was claimed', () => {
    const sync = download(short[499]!.totalDifficulty, 600)
    for (const header of short.slice(0, 499)) expect(sync.take(header)).toEqual([])
    expect(sync.take(short[499]!).map(({ header }) => header.number)).toEqual(numbers(500))
    expect(sync.take(short[500]!).map(({ header }) => header.number)).toEqual([501])
    expect(sync.stage).toBe('download')
  })

  it('is a false claim when it ends before', () => {
    expect(faultOf(() => feed(download(work(short) + 1n, 600), short))).toBe('false-claim')
  })

  it('counts at once where no more work is asked for than genesis has', () => {
    expect(download(16n, 600).take(short[0]!)).toHaveLength(1)
  })
})

describe('a chain that is longer', () => {
  it('is counted first, then downloaded, and counts whole and once', () => {
    const sync = download(work(long), long.length)
    const asked: number[] = []
    const counted: number[] = []
    for (let next = sync.next; next !== undefined; next = sync.next) {
      asked.push(next.start)
      const header = long[next.start - 1]
      counted.push(...(header === undefined ? sync.end() : sync.take(header)).map((head) => head.header.number))
    }
    expect(counted).toEqual(numbers(long.length))
    expect(asked).toEqual([...numbers(long.length), ...numbers(long.length + 1)])
  })

  it('has as many headers held back in its second download as hold enough commitments', () => {
    const sync = download(work(long), long.length)
    for (const header of long) sync.take(header)
    expect(sync.next?.start).toBe(1)
    for (const header of long.slice(0, UNPROVEN_HEADERS)) expect(sync.take(header)).toEqual([])
    expect(sync.take(long[UNPROVEN_HEADERS]!).map(({ header }) => header.number)).toEqual([1])
  })

  it('is not believed for another one the second time', () => {
    const sync = download(work(long), long.length)
    for (const header of long) sync.take(header)
    // Other timestamps, the same difficulty: nothing but the commitments can tell.
    const other = makeHeaders(UNPROVEN_HEADERS, 11)
    expect(faultOf(() => feed(sync, other))).toBe('broken-commitment')
  })

  it('is not believed when it ends early the second time', () => {
    const sync = download(work(long), long.length)
    for (const header of long) sync.take(header)
    expect(faultOf(() => feed(sync, long.slice(0, 2000)))).toBe('broken-commitment')
  })

  it('is a false claim when it ends before it has the work', () => {
    expect(faultOf(() => feed(download(work(long) + 1n, long.length), long))).toBe('false-claim')
  })

  it('is a false claim when it goes on far beyond the number that was claimed', () => {
    const sync = download(2n ** 100n, 10)
    const maker = new HeaderMaker(base, { chainId: CHAIN_ID })
    for (let i = 0; i < CLAIM_SLACK_HEADERS + 10; i++) sync.take(maker.next())
    expect(faultOf(() => sync.take(maker.next()))).toBe('false-claim')
  })
})

describe('a header', () => {
  it('that breaks a rule ends it, with the rule', () => {
    const bad = new HeaderMaker(base, { chainId: CHAIN_ID }).next(10, { baseFeePerGas: 1n })
    expect(faultOf(() => download(1000n, 600).take(bad))).toBe('invalid-header: bad-base-fee')
  })

  it('that commits to another history ends it', () => {
    const bad = new HeaderMaker(base, { chainId: CHAIN_ID }).next(10, { extraData: new Uint8Array(32) })
    expect(faultOf(() => download(1000n, 600).take(bad))).toBe('invalid-header: bad-history-root')
  })

  it('that does not follow ends it', () => {
    expect(faultOf(() => download(1000n, 600).take(short[1]!))).toBe('unconnected-headers')
  })

  it('of a block that was refused before ends it', () => {
    expect(faultOf(() => feed(download(1000n, 600, [short[3]!.hash]), short))).toBe('invalid-block: known-bad')
  })
})
