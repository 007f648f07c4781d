import { describe, expect, it } from 'vitest'
import { FrameLengths } from '../../../src/p2p/bounded-yamux.ts'
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
    expect(new FrameLengths(100).take(frame(DATA, 2 ** 24).subarray(0, 12))).toBeUndefined()
  })

  it('open windows as wide as they like', () => {
    expect(new FrameLengths(100).take(frame(WINDOW_UPDATE, 2 ** 32 - 1))).toBe(1)
  })
})
