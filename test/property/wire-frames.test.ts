import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ANSWER_END,
  chunkHead,
  type Frame,
  FrameParser,
  FrameTooLongError,
  requestHead,
  STATUS_END,
} from '../../src/p2p/wire/frame.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'
import { DecodeError } from '../../src/primitives/errors.ts'

const MAX_BYTES = 70_000

const payload = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(127, 128, 16_383, 16_384, 16_385, 65_536, MAX_BYTES).map((length) => new Uint8Array(length).fill(7)),
)
const chunk = fc.record({ status: fc.nat(254), payload })
const end = { status: STATUS_END, payload: new Uint8Array(0) }

const parser = (withStatus = true) => new FrameParser({ withStatus, maxPayloadBytes: () => MAX_BYTES })

/** Cuts `bytes` at places that `cuts` (0 to 1) name. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = cuts.map((cut) => Math.floor(cut * bytes.length)).toSorted((a, b) => a - b)
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length))
}

function parsed(parts: readonly Uint8Array[], frames = parser()): Frame[] {
  return parts.flatMap((part) => [...frames.push(part)])
}

const encoded = ({ status, payload: bytes }: Frame) =>
  status === STATUS_END ? ANSWER_END : concatBytes(chunkHead(status, bytes.length), bytes)

describe('a stream of chunks', () => {
  it('is taken apart as it was put together, wherever it is cut', () => {
    const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 })
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 4 }), cuts, (list, places) => {
        const frames = parser()
        const chunks = [...list, end]
        expect(parsed(pieces(concatBytes(...chunks.map(encoded)), places), frames)).toEqual(chunks)
        expect(frames.idle).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('that ends early is seen to', () => {
    fc.assert(
      fc.property(chunk, fc.double({ min: 0, max: 1, noNaN: true }), (whole, at) => {
        const bytes = encoded(whole)
        const length = 1 + Math.floor(at * (bytes.length - 2))
        const frames = parser()
        expect(parsed([bytes.subarray(0, length)], frames)).toEqual([])
        expect(frames.idle).toBe(false)
      }),
    )
  })

  it('of any bytes is refused or understood, and what is understood has one encoding', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const frames = parser()
        const found: Frame[] = []
        try {
          for (const frame of frames.push(bytes)) found.push(frame)
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError)
        }
        const again = concatBytes(...found.map(encoded))
        expect(bytes.subarray(0, again.length)).toEqual(again)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a length', () => {
  it('above the bound is refused before anything of the payload has come', () => {
    expect(() => parsed([chunkHead(0, MAX_BYTES + 1)])).toThrow(FrameTooLongError)
    expect(parsed([chunkHead(0, MAX_BYTES)])).toEqual([])
  })

  it.each([
    ['in more bytes than it needs', [0x81, 0x00]],
    ['that is zero in two bytes', [0x80, 0x00]],
    ['of five bytes', [0x80, 0x80, 0x80, 0x80, 0x01]],
  ])('%s is refused', (_, bytes) => {
    expect(() => parsed([Uint8Array.from(bytes)], parser(false))).toThrow(DecodeError)
  })

  it('stands alone before a request', () => {
    const request = concatBytes(requestHead(300), new Uint8Array(300).fill(1))
    expect(request.subarray(0, 2)).toEqual(Uint8Array.of(0xac, 0x02))
    expect(parsed([request], parser(false))).toEqual([{ status: 0, payload: new Uint8Array(300).fill(1) }])
  })
})
