import { beforeEach, describe, expect, it } from 'vitest'
import type { Head } from '../../../../src/chain/types.ts'
import { BodyWindow, type WindowAction, type WindowEvent } from '../../../../src/p2p/sync/body-window.ts'
import {
  BLOCKS_PER_REQUEST,
  HEDGE_MS,
  MAX_STALL_MS,
  MAX_STRIKES,
  STALL_GRACE_MS,
  STALL_MS,
  TICK_MS,
  WAITING_BYTES,
  WINDOW_BLOCKS,
} from '../../../../src/p2p/sync/limits.ts'

interface Body {
  readonly number: number
  readonly sizeBytes: number
}

let window: BodyWindow<Body>
let nowMs: number

beforeEach(() => {
  window = new BodyWindow(1)
  nowMs = 1_000_000
})

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i)
const heads = (from: number, count: number) =>
  numbers(from, count).map((number) => ({ head: { hash: Uint8Array.of(number), header: { number } } as Head }))
const bodies = (from: number, count: number, sizeBytes = 100): Body[] =>
  numbers(from, count).map((number) => ({ number, sizeBytes }))

/** Actions in short: `ask 1 a 1-16`, `cancel 1`, `drop a`. */
function step(event: WindowEvent<Body>): string[] {
  return window.step(event, nowMs).map(describeAction)
}

function describeAction(action: WindowAction): string {
  if (action.type === 'cancel') return `cancel ${action.request}`
  if (action.type === 'drop') return `drop ${action.peer}${action.stalled ? ', stalled' : ''}`
  const asked = action.heads.map(({ header }) => header.number)
  return `ask ${action.request} ${action.peer} ${asked[0]}-${asked.at(-1)}`
}

/** Lets time pass with its ticks. */
function pass(ms: number): string[] {
  const actions: string[] = []
  for (const endMs = nowMs + ms; nowMs < endMs; ) {
    nowMs += Math.min(TICK_MS, endMs - nowMs)
    actions.push(...step({ type: 'tick' }))
  }
  return actions
}

function stall(): string[] {
  return pass(window.stallMs + STALL_GRACE_MS)
}

function takeAll(): number[] {
  const taken: number[] = []
  for (let next = window.take(); next !== undefined; next = window.take()) taken.push(next.body.number)
  return taken
}

describe('bodies', () => {
  it('are asked of every peer at once, the lowest first', () => {
    step({ type: 'heads', heads: heads(1, 400) })
    expect(step({ type: 'peer', peer: 'a', number: 400 })).toEqual(['ask 1 a 1-64'])
    expect(step({ type: 'peer', peer: 'b', number: 400 })).toEqual(['ask 2 b 65-128'])
    expect(step({ type: 'bodies', request: 2, bodies: bodies(65, 64) })).toEqual(['ask 3 b 129-192'])
    expect(takeAll()).toEqual([])
    expect(step({ type: 'bodies', request: 1, bodies: bodies(1, 64) })).toEqual(['ask 4 a 193-256'])
    expect(takeAll()).toEqual(numbers(1, 128))
  })

  it('are asked in turn of peers who would all be free to bring them', () => {
    for (const peer of ['a', 'b', 'c']) step({ type: 'peer', peer, number: 9 })
    const asked = numbers(1, 4).map((number) => {
      const [ask] = step({ type: 'heads', heads: heads(number, 1) })
      step({ type: 'bodies', request: number, bodies: bodies(number, 1) })
      return ask
    })
    expect(asked).toEqual(['ask 1 a 1-1', 'ask 2 b 2-2', 'ask 3 c 3-3', 'ask 4 a 4-4'])
  })

  it('are asked only of peers that claim to have them', () => {
    step({ type: 'heads', heads: heads(1, 80) })
    expect(step({ type: 'peer', peer: 'a', number: 3 })).toEqual(['ask 1 a 1-3'])
    expect(step({ type: 'peer', peer: 'a', number: 80 })).toEqual([])
    expect(step({ type: 'bodies', request: 1, bodies: bodies(1, 3) })).toEqual(['ask 2 a 4-67'])
  })

  it('that an answer left out are asked for again', () => {
    step({ type: 'heads', heads: heads(1, 80) })
    step({ type: 'peer', peer: 'a', number: 80 })
    expect(step({ type: 'bodies', request: 1, bodies: bodies(1, 2) })).toEqual(['ask 2 a 3-66'])
  })

  it('that are large are asked for a few at a time', () => {
    step({ type: 'heads', heads: heads(1, 400) })
    step({ type: 'peer', peer: 'a', number: 400 })
    for (let request = 1, at = 1; request < 20; request++, at += BLOCKS_PER_REQUEST) {
      step({ type: 'bodies', request, bodies: bodies(at, 1, 1_000_000) })
    }
    expect(step({ type: 'bodies', request: 20, bodies: bodies(20, 1, 1_000_000) })).toEqual(['ask 21 a 21-21'])
  })

  it('that the chain has need no asking', () => {
    step({ type: 'peer', peer: 'a', number: 100 })
    const known = heads(1, 2).map(({ head }) => ({ head, body: { number: head.header.number, sizeBytes: 0 } }))
    expect(step({ type: 'heads', heads: [...known, ...heads(3, 1)] })).toEqual(['ask 1 a 3-3'])
    expect(takeAll()).toEqual([1, 2])
  })

  it('in memory are bounded, but for the one that all wait for', () => {
    const large = WAITING_BYTES / 8
    step({ type: 'heads', heads: heads(1, 100) })
    step({ type: 'peer', peer: 'a', number: 1 })
    step({ type: 'peer', peer: 'b', number: 100 })
    for (let request = 2; ; request++) {
      const at = request + 15
      const [next] = step({ type: 'bodies', request, bodies: bodies(request === 2 ? 17 - 15 : at, 1, large) })
      if (next === undefined) break
      expect(request).toBeLessThan(20)
    }
    expect(step({ type: 'lost', peer: 'a' })).toEqual(['cancel 1', expect.stringMatching(/^ask \d+ b 1-1$/)])
  })
})

describe('the window', () => {
  it('has room for 1,024 blocks', () => {
    step({ type: 'heads', heads: heads(1, WINDOW_BLOCKS) })
    expect(window.room).toBe(0)
    step({ type: 'peer', peer: 'a', number: 5000 })
    step({ type: 'bodies', request: 1, bodies: bodies(1, 16) })
    takeAll()
    expect(window.room).toBe(16)
  })

  it('is stuck when nobody is left who claims to have the next block', () => {
    window = new BodyWindow(5)
    step({ type: 'heads', heads: heads(5, 2) })
    step({ type: 'peer', peer: 'a', number: 4 })
    expect(window.stuck).toBe(true)
    step({ type: 'peer', peer: 'b', number: 5 })
    expect(window.stuck).toBe(false)
    step({ type: 'lost', peer: 'b' })
    expect(window.stuck).toBe(true)
  })
})

describe('a peer that does not answer', () => {
  beforeEach(() => {
    step({ type: 'heads', heads: heads(1, 16) })
    step({ type: 'peer', peer: 'a', number: 100 })
  })

  it('loses its request to another after two seconds', () => {
    expect(pass(STALL_MS)).toEqual([])
    expect(pass(STALL_GRACE_MS)).toEqual(['cancel 1'])
    expect(step({ type: 'peer', peer: 'b', number: 100 })).toEqual(['ask 2 b 1-16'])
  })

  it('has its answer taken as long as the time-out has only just been noticed', () => {
    nowMs += 10 * STALL_MS
    expect(step({ type: 'tick' })).toEqual([])
    step({ type: 'bodies', request: 1, bodies: bodies(1, 16) })
    expect(takeAll()).toEqual(numbers(1, 16))
  })

  it('is not to blame for the time that this machine was busy', () => {
    expect(pass(STALL_MS - 500)).toEqual([])
    nowMs += 60_000
    expect(step({ type: 'tick' })).toEqual([])
    expect(pass(TICK_MS)).toEqual([])
    expect(pass(1_000)).toEqual(['cancel 1'])
  })

  it('doubles the time that answers may take, which comes back down as they come', () => {
    expect(window.stallMs).toBe(STALL_MS)
    expect(stall()).toEqual(['cancel 1'])
    expect(window.stallMs).toBe(2 * STALL_MS)
    step({ type: 'peer', peer: 'b', number: 100 })
    step({ type: 'bodies', request: 2, bodies: bodies(1, 16) })
    expect(window.stallMs).toBeLessThan(2 * STALL_MS)
    expect(window.stallMs).toBeGreaterThan(STALL_MS)
  })

  it('rests, longer each time, and is dropped in the end', () => {
    const log: string[] = []
    for (let i = 0; i < 2_000 && !log.includes('drop a, stalled'); i++) {
      nowMs += 100
      log.push(...step({ type: 'tick' }))
    }
    expect(log.filter((line) => line.startsWith('ask'))).toHaveLength(MAX_STRIKES - 1)
    expect(log.at(-1)).toBe('drop a, stalled')
    expect(window.stallMs).toBeLessThanOrEqual(MAX_STALL_MS)
  })

  it('is helped by an idle one after half a second', () => {
    expect(step({ type: 'peer', peer: 'b', number: 100 })).toEqual([])
    nowMs += HEDGE_MS
    expect(step({ type: 'tick' })).toEqual(['ask 2 b 1-16'])
    expect(step({ type: 'peer', peer: 'c', number: 100 })).toEqual([])
    step({ type: 'bodies', request: 2, bodies: bodies(1, 16) })
    expect(takeAll()).toEqual(numbers(1, 16))
    step({ type: 'bodies', request: 1, bodies: bodies(1, 16) })
    expect(takeAll()).toEqual([])
  })
})

describe('a peer that has not got what it claims', () => {
  it('is asked for the same block again only when all others have failed as well', () => {
    step({ type: 'heads', heads: heads(1, 16) })
    step({ type: 'peer', peer: 'a', number: 100 })
    expect(step({ type: 'failed', request: 1 })).toEqual([])
    step({ type: 'peer', peer: 'b', number: 100 })
    nowMs += 60_000
    expect(step({ type: 'failed', request: 2 })).toEqual(['ask 3 a 1-16'])
  })

  it('and is gone is not waited for', () => {
    step({ type: 'heads', heads: heads(1, 16) })
    step({ type: 'peer', peer: 'a', number: 100 })
    step({ type: 'peer', peer: 'b', number: 100 })
    expect(step({ type: 'lost', peer: 'a' })).toEqual(['cancel 1', 'ask 2 b 1-16'])
    expect(step({ type: 'failed', request: 1 })).toEqual([])
  })
})
