import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EncodedBlock, readBlockFile } from '../../../src/node/block-file.ts'
import { concatBytes } from '../../../src/primitives/bytes.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'idobata-blocks-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** What reading a file of these bytes yields, and how it ends. */
async function read(bytes: Uint8Array): Promise<{ blocks: EncodedBlock[]; error: unknown }> {
  const path = join(directory, 'blocks.rlp')
  writeFileSync(path, bytes)
  const blocks: EncodedBlock[] = []
  try {
    for await (const { encoded, offset } of readBlockFile(path)) blocks.push({ encoded: encoded.slice(), offset })
    return { blocks, error: undefined }
  } catch (error) {
    return { blocks, error }
  }
}

/** A list of `size` payload bytes. */
function list(size: number): Uint8Array {
  return encodeRlp(Array.from({ length: size }, () => 1))
}

test('an empty file has no blocks', async () => {
  expect(await read(new Uint8Array(0))).toEqual({ blocks: [], error: undefined })
})

test('lists of any size come back with their offsets, also across read buffers', async () => {
  const items = [0, 1, 55, 56, 255, 256, 65_535, 65_536, 1_500_000, 3].map(list)
  let offset = 0
  const expected = items.map((encoded) => {
    const block = { encoded, offset }
    offset += encoded.length
    return block
  })
  const { blocks, error } = await read(concatBytes(...items))
  expect(error).toBeUndefined()
  expect(blocks.map(({ offset }) => offset)).toEqual(expected.map(({ offset }) => offset))
  for (const [index, { encoded }] of blocks.entries()) expect(Buffer.compare(encoded, expected[index]!.encoded)).toBe(0)
})

test('a cut anywhere yields the whole blocks before it, and tells where the broken one begins', async () => {
  const items = [list(3), list(60), list(300)]
  const whole = concatBytes(...items)
  const starts = [0, 4, 4 + items[1]!.length]
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: whole.length - 1 }), async (cut) => {
      const { blocks, error } = await read(whole.subarray(0, cut))
      const start = starts.findLast((start) => start <= cut)!
      expect(blocks).toHaveLength(starts.indexOf(start))
      if (start === cut) expect(error).toBeUndefined()
      else
        expect(error).toMatchObject({
          name: 'BlockFileError',
          offset: start,
          message: expect.stringMatching(`byte ${start}$`),
        })
    }),
    { numRuns: 60 },
  )
})

describe('bytes that are no block', () => {
  test('are told with their offset', async () => {
    const { blocks, error } = await read(concatBytes(list(3), Uint8Array.of(0x80)))
    expect(blocks).toHaveLength(1)
    expect(error).toMatchObject({ message: 'no block at byte 4' })
  })

  test('that claim to be huge are not waited for', async () => {
    const { error } = await read(Uint8Array.of(0xfb, 0x04, 0x00, 0x00, 0x01))
    expect(error).toMatchObject({ message: 'a block of 67108865 bytes at byte 0' })
  })
})
