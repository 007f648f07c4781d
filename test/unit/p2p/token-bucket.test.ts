import { expect, test } from 'vitest'
import { TokenBucket } from '../../../src/p2p/token-bucket.ts'

test('gives what it holds, and what has grown back', () => {
  const bucket = new TokenBucket({ capacity: 10, perSecond: 2 }, 0)
  expect(bucket.take(11, 0)).toBe(false)
  expect(bucket.take(10, 0)).toBe(true)
  expect(bucket.take(1, 400)).toBe(false)
  expect(bucket.take(1, 500)).toBe(true)
  expect(bucket.take(10, 5_499)).toBe(false)
  expect(bucket.take(10, 5_500)).toBe(true)
})

test('holds no more than its capacity, however long it rests and whatever comes back', () => {
  const bucket = new TokenBucket({ capacity: 10, perSecond: 2 }, 0)
  expect(bucket.take(4, 0)).toBe(true)
  bucket.refund(100)
  expect(bucket.take(11, 1_000_000)).toBe(false)
  expect(bucket.take(10, 1_000_000)).toBe(true)
})

test('gives nothing for a clock that goes back', () => {
  const bucket = new TokenBucket({ capacity: 10, perSecond: 2 }, 10_000)
  expect(bucket.take(10, 10_000)).toBe(true)
  expect(bucket.take(1, 0)).toBe(false)
  expect(bucket.take(1, 499)).toBe(false)
})
