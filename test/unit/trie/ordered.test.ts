import { createMPT } from '@ethereumjs/mpt'
import { describe, expect, it } from 'vitest'
import { fromKey } from '../../../src/primitives/bytes.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { bytesCodec, orderedRoot } from '../../../src/trie/ordered.ts'

const unhurried = { pause: () => undefined }

/** Values of different lengths; the first is the shortest. */
function valuesOf(count: number, shortest: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => new Uint8Array(shortest + ((i * 37) % 300)).fill(i + 1))
}

async function peersRoot(values: readonly Uint8Array[]): Promise<Uint8Array> {
  const peer = await createMPT()
  for (const [index, value] of values.entries()) await peer.put(encodeRlp(index), value)
  return peer.root()
}

describe('the root of a list', () => {
  // Around the places at which keys get longer, and branches and extensions come and go.
  it.each([0, 1, 2, 16, 17, 127, 128, 129, 130, 255, 256, 257, 272, 273, 1000])('of %i values', async (count) => {
    const values = valuesOf(count, 32)
    expect(fromKey(await orderedRoot(values, bytesCodec, unhurried))).toEqual(await peersRoot(values))
  })

  it.each([1, 5, 25, 31])('whose shortest value has %i bytes', async (shortest) => {
    const values = valuesOf(300, shortest)
    expect(fromKey(await orderedRoot(values, bytesCodec, unhurried))).toEqual(await peersRoot(values))
  })

  it('with values beyond what is hashed at a time', async () => {
    const values = [...valuesOf(40, 32), new Uint8Array(300_000).fill(7), ...valuesOf(40, 40)]
    expect(fromKey(await orderedRoot(values, bytesCodec, unhurried))).toEqual(await peersRoot(values))
  })

  it('after one of a value that could not be written', async () => {
    const values = valuesOf(20, 32)
    const broken = {
      length: bytesCodec.length,
      write(target: Uint8Array, offset: number, value: Uint8Array) {
        if (value === values[3]) throw new Error('unwritable')
        return bytesCodec.write(target, offset, value)
      },
    }
    await expect(orderedRoot(values, broken, unhurried)).rejects.toThrow('unwritable')
    expect(fromKey(await orderedRoot(values, bytesCodec, unhurried))).toEqual(await peersRoot(values))
  })

  it('while another one is under way', async () => {
    const pacer = { pause: () => new Promise<void>((resolve) => setImmediate(resolve)) }
    const lists = [valuesOf(900, 200), valuesOf(1100, 300), valuesOf(700, 100)]
    const roots = await Promise.all(lists.map((values) => orderedRoot(values, bytesCodec, pacer)))
    expect(roots.map(fromKey)).toEqual(await Promise.all(lists.map(peersRoot)))
  })
})
