import { describe, expect, it } from 'vitest'
import type { RequestBackend } from '../../../../src/p2p/reqresp/backend.ts'
import { READ_TOGETHER, READ_TOGETHER_BYTES } from '../../../../src/p2p/reqresp/limits.ts'
import { bodiesProtocol } from '../../../../src/p2p/reqresp/protocols/bodies.ts'
import { encodeHashes } from '../../../../src/p2p/wire/hashes.ts'

const hashes = (count: number) => Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i + 1))

/** Answers with a body of so many bytes for each block; undefined: it is not there. Tells of each read. */
function answer(sizes: readonly (number | undefined)[], reads: number[] = []): AsyncIterable<Uint8Array> {
  const body = async ([place]: Uint8Array) => {
    reads.push(place! - 1)
    const size = sizes[place! - 1]
    return size === undefined ? undefined : new Uint8Array(size).fill(place!)
  }
  const backend = { blocks: { body } } as unknown as RequestBackend
  return bodiesProtocol.answer('peer', encodeHashes(hashes(sizes.length)), backend) as AsyncIterable<Uint8Array>
}

async function places(items: AsyncIterable<Uint8Array>): Promise<number[]> {
  const found: number[] = []
  for await (const [place] of items) found.push(place! - 1)
  return found
}

describe('bodies in an answer', () => {
  it('are those asked for, in order, up to the first that is missing', async () => {
    const sizes = [100, 5_000, 100, 70_000, ...Array(30).fill(100), undefined, 100]
    expect(await places(answer(sizes))).toEqual(Array.from({ length: 34 }, (_, i) => i))
  })

  it('are refused where the first is missing', async () => {
    await expect(places(answer([undefined, 100]))).rejects.toThrow('unknown block')
  })

  it('are read together where they are small', async () => {
    const reads: number[] = []
    const items = answer(Array(40).fill(100), reads)[Symbol.asyncIterator]()
    await items.next()
    expect(reads).toHaveLength(1)
    await items.next()
    expect(reads).toHaveLength(1 + READ_TOGETHER)
  })

  it('are not held where they turn out large: they are read again when it is their turn', async () => {
    const reads: number[] = []
    const sizes = [100, 100, ...Array(4).fill(READ_TOGETHER_BYTES)]
    expect(await places(answer(sizes, reads))).toEqual([0, 1, 2, 3, 4, 5])
    expect(reads).toEqual([0, 1, 2, 3, 4, 5, 2, 3, 4, 5, 3, 4, 5])
  })
})
