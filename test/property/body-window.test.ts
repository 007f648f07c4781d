import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Head } from '../../src/chain/types.ts'
import { BodyWindow, type WindowAction, type WindowEvent } from '../../src/p2p/sync/body-window.ts'
import { BLOCKS_PER_REQUEST, MAX_STRIKES, TICK_MS, WINDOW_BLOCKS } from '../../src/p2p/sync/limits.ts'

type Manner = 'honest' | 'meagre' | 'stalls' | 'empty' | 'lies' | 'vanishes'

interface PlannedPeer {
  readonly manner: Manner
  readonly latencyMs: number
  /** After so many answers a bad one shows its manner. */
  readonly goodAnswers: number
}

interface Body {
  readonly number: number
  readonly sizeBytes: number
}

const head = (number: number) => ({ hash: Uint8Array.of(number), header: { number } }) as Head

const plannedPeer: fc.Arbitrary<PlannedPeer> = fc.record({
  manner: fc.constantFrom<Manner>('honest', 'meagre', 'stalls', 'empty', 'lies', 'vanishes'),
  latencyMs: fc.integer({ min: 1, max: 1500 }),
  goodAnswers: fc.nat(5),
})

/** Plays a window against peers; every broken promise of the window fails the test. */
class Play {
  readonly taken: number[] = []
  readonly asksOf = new Map<string, number>()
  nowMs = 0
  readonly #blocks: number
  readonly #bodyBytes: number
  readonly #peers = new Map<string, PlannedPeer>()
  readonly #gone = new Set<string>()
  readonly #answers = new Map<string, number>()
  readonly #window = new BodyWindow<Body>(1)
  readonly #underWay = new Map<number, { readonly peer: string; readonly numbers: readonly number[] }>()
  #due: { readonly atMs: number; readonly event: WindowEvent<Body> }[] = []
  #added = 0

  constructor(blocks: number, bodyBytes: number, peers: readonly PlannedPeer[]) {
    this.#blocks = blocks
    this.#bodyBytes = bodyBytes
    peers.forEach((peer, i) => {
      this.#peers.set(`peer ${i}`, peer)
    })
    for (const peer of this.#peers.keys()) this.#step({ type: 'peer', peer, number: blocks })
  }

  run(limitMs: number): void {
    while (this.taken.length < this.#blocks) {
      if (this.nowMs > limitMs) throw new Error(`at ${this.taken.length} of ${this.#blocks} after ${limitMs} ms`)
      const room = Math.min(this.#window.room, this.#blocks - this.#added)
      const heads = Array.from({ length: room }, () => ({ head: head(++this.#added) }))
      if (room > 0) this.#step({ type: 'heads', heads })
      for (let next = this.#window.take(); next !== undefined; next = this.#window.take()) {
        expect(next.body.number).toBe(next.head.header.number)
        this.taken.push(next.body.number)
      }
      this.nowMs += TICK_MS / 5
      const due = this.#due.filter(({ atMs }) => atMs <= this.nowMs)
      this.#due = this.#due.filter(({ atMs }) => atMs > this.nowMs)
      for (const { event } of due) this.#answer(event)
      if (this.nowMs % TICK_MS === 0) this.#step({ type: 'tick' })
    }
  }

  #answer(event: WindowEvent<Body>): void {
    if ((event.type === 'bodies' || event.type === 'failed') && !this.#underWay.has(event.request)) return
    if (event.type === 'bodies' || event.type === 'failed') this.#underWay.delete(event.request)
    if (event.type === 'lost') this.#lose(event.peer)
    this.#step(event)
  }

  #lose(peer: string): void {
    this.#gone.add(peer)
    for (const [request, asked] of this.#underWay) if (asked.peer === peer) this.#underWay.delete(request)
  }

  #step(event: WindowEvent<Body>): void {
    for (const action of this.#window.step(event, this.nowMs)) {
      if (action.type === 'ask') this.#ask(action)
      else if (action.type === 'cancel') this.#underWay.delete(action.request)
      else this.#lose(action.peer)
    }
  }

  #ask({ request, peer, heads }: WindowAction & { readonly type: 'ask' }): void {
    const numbers = heads.map(({ header }) => header.number)
    const first = this.taken.length + 1
    expect(this.#gone.has(peer), 'asks nobody who is gone or was dropped').toBe(false)
    expect(numbers.length).toBeGreaterThan(0)
    expect(numbers.length).toBeLessThanOrEqual(BLOCKS_PER_REQUEST)
    for (const number of numbers) {
      expect(number).toBeGreaterThanOrEqual(first)
      expect(number).toBeLessThan(first + WINDOW_BLOCKS)
    }
    const others = [...this.#underWay.values()].filter((other) => other.peer === peer)
    expect(others, 'one request a peer').toEqual([])
    this.#underWay.set(request, { peer, numbers })
    this.asksOf.set(peer, (this.asksOf.get(peer) ?? 0) + 1)
    this.#plan(request, peer, numbers)
  }

  #plan(request: number, peer: string, numbers: readonly number[]): void {
    const { manner, latencyMs, goodAnswers } = this.#peers.get(peer)!
    const answered = this.#answers.get(peer) ?? 0
    this.#answers.set(peer, answered + 1)
    const bodies = numbers.map((number) => ({ number, sizeBytes: this.#bodyBytes }))
    const good = manner === 'honest' || answered < goodAnswers
    const send = (event: WindowEvent<Body>) => this.#due.push({ atMs: this.nowMs + latencyMs, event })
    if (good) send({ type: 'bodies', request, bodies })
    else if (manner === 'meagre') send({ type: 'bodies', request, bodies: bodies.slice(0, 1) })
    else if (manner === 'empty') send({ type: 'failed', request })
    else if (manner === 'lies' || manner === 'vanishes') send({ type: 'lost', peer })
  }
}

test('with one honest peer every block arrives, in order, whatever the others do', () => {
  fc.assert(
    fc.property(
      fc.array(plannedPeer, { maxLength: 8 }),
      fc.integer({ min: 1, max: 1500 }),
      fc.constantFrom(500, 20_000, 1_500_000),
      (others, honestLatencyMs, bodyBytes) => {
        const peers = [...others, { manner: 'honest' as const, latencyMs: honestLatencyMs, goodAnswers: 0 }]
        const blocks = 2 * WINDOW_BLOCKS
        const play = new Play(blocks, bodyBytes, peers)
        play.run(blocks * 2_000)
        expect(play.taken).toEqual(Array.from({ length: blocks }, (_, i) => i + 1))
        others.forEach(({ manner, goodAnswers }, i) => {
          const asks = play.asksOf.get(`peer ${i}`) ?? 0
          if (manner === 'stalls' || manner === 'empty') expect(asks).toBeLessThanOrEqual(goodAnswers + MAX_STRIKES)
        })
      },
    ),
    { numRuns: 30, seed: 1 },
  )
})
