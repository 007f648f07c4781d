import { StreamMessageEvent } from '@libp2p/interface'
import { describe, expect, it } from 'vitest'
import { type BoundedConnection, boundConnection, FrameLengths } from '../../../src/p2p/bounded-yamux.ts'
import { MAX_FRAMES_UNANSWERED, YAMUX_LIMITS } from '../../../src/p2p/limits.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { seededRandom } from '../../support/seeded-random.ts'

const [DATA, WINDOW_UPDATE] = [0, 1]

function frame(type: number, length: number): Uint8Array {
  const head = Uint8Array.from([0, type, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  new DataView(head.buffer).setUint32(8, length)
  return type === DATA ? concatBytes(head, new Uint8Array(length).fill(255)) : head
}

describe('the frames of a connection', () => {
  it('are followed in pieces of any size', () => {
    const random = seededRandom(1)
    const lengths = Array.from({ length: 200 }, () => Math.floor(random() * 100))
    const stream = concatBytes(...lengths.map((length, i) => frame(i % 3 === 0 ? WINDOW_UPDATE : DATA, length)))
    for (const most of [1, 11, 12, 13, 4_096, stream.length]) {
      const frames = new FrameLengths(100)
      let begun = 0
      for (let at = 0; at < stream.length; ) {
        const length = 1 + Math.floor(random() * most)
        begun += frames.take(stream.subarray(at, at + length))!
        at += length
      }
      expect(begun).toBe(lengths.length)
    }
  })

  it('may carry as much as is allowed, and no byte more', () => {
    expect(new FrameLengths(100).take(frame(DATA, 100))).toBe(1)
    expect(new FrameLengths(100).take(frame(DATA, 101).subarray(0, 11))).toBe(0)
    expect(new FrameLengths(100).take(frame(DATA, 101).subarray(0, 12))).toBeUndefined()
    expect(new FrameLengths(100).take(frame(DATA, 2 ** 16).subarray(0, 12))).toBeUndefined()
  })

  it('open windows as wide as they like', () => {
    expect(new FrameLengths(100).take(frame(WINDOW_UPDATE, 2 ** 32 - 1))).toBe(1)
  })
})

describe('a connection', () => {
  /** @param unread  bytes that wait for the other side to read. */
  function connectionWith(unread: number) {
    const events = new EventTarget()
    const ends: string[] = []
    const connection = {
      writeBufferLength: unread,
      addEventListener: events.addEventListener.bind(events),
      abort: (error: Error) => ends.push(error.message),
    }
    boundConnection(connection as unknown as BoundedConnection)
    const receive = (data: Uint8Array) => events.dispatchEvent(new StreamMessageEvent(data))
    return { connection, ends, receive }
  }
  const pings = (count: number) => {
    const bytes = new Uint8Array(12 * count)
    for (let at = 0; at < bytes.length; at += 12) bytes.set(frame(2, 0), at)
    return bytes
  }

  it('ends with a frame that carries more than a window', () => {
    const { ends, receive } = connectionWith(0)
    receive(frame(DATA, YAMUX_LIMITS.streamOptions.maxStreamWindowSize))
    expect(ends).toEqual([])
    receive(frame(DATA, YAMUX_LIMITS.streamOptions.maxStreamWindowSize + 1).subarray(0, 12))
    expect(ends).toEqual(['a frame beyond any window'])
  })

  it('ends when its peer asks on and on and reads no answers', () => {
    const { ends, receive } = connectionWith(1)
    for (let count = 0; count < MAX_FRAMES_UNANSWERED; count += 128) receive(pings(128))
    expect(ends).toEqual([])
    receive(pings(1))
    expect(ends).toEqual(['answers that are not read'])
  })

  it('goes on when its peer reads them, however many', () => {
    const { connection, ends, receive } = connectionWith(1)
    for (let round = 0; round < 10; round++) {
      connection.writeBufferLength = 1
      receive(pings(MAX_FRAMES_UNANSWERED - 1))
      connection.writeBufferLength = 0
      receive(pings(1))
    }
    expect(ends).toEqual([])
  })
})
