import { createReadStream } from 'node:fs'

/**
 * Files of blocks: RLP encodings one after the other, nothing between them, as `geth export` writes them.
 */

/** Bytes; a block that claims to be larger is a sign of damage, and must not be gathered in memory to find that out. */
const MAX_BLOCK_BYTES = 64 * 1024 * 1024

/** The file is not, or not whole, what it should be. */
export class BlockFileError extends Error {
  override readonly name = 'BlockFileError'
  /** Byte of the file at which the block in question begins. */
  readonly offset: number
  constructor(message: string, offset: number) {
    super(`${message} at byte ${offset}`)
    this.offset = offset
  }
}

export interface EncodedBlock {
  readonly encoded: Uint8Array
  /** Byte of the file at which it begins. */
  readonly offset: number
}

/**
 * The file's blocks in order, undecoded.
 * @throws BlockFileError for bytes that begin no list, and for a last block that is cut off; what stood before it has
 * been yielded by then. Cost: at most one block and a read buffer in memory.
 */
export async function* readBlockFile(path: string): AsyncGenerator<EncodedBlock> {
  let pending: Buffer = Buffer.alloc(0)
  let offset = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk])
    for (let length = listLength(pending, offset); length <= pending.length; length = listLength(pending, offset)) {
      yield { encoded: pending.subarray(0, length), offset }
      pending = pending.subarray(length)
      offset += length
    }
  }
  if (pending.length > 0) throw new BlockFileError('the file ends inside the block', offset)
}

/** Bytes of the list that `bytes`, from `offset` of a file on, begins with; Infinity while too few are there to tell. @throws BlockFileError */
export function listLength(bytes: Buffer, offset: number): number {
  const first = bytes[0]
  if (first === undefined) return Number.POSITIVE_INFINITY
  if (first < 0xc0) throw new BlockFileError('no block', offset)
  if (first < 0xf8) return 1 + first - 0xc0
  const size = first - 0xf7
  if (bytes.length <= size) return Number.POSITIVE_INFINITY
  let length = 0
  for (let i = 1; i <= size; i++) length = length * 256 + bytes[i]!
  if (length > MAX_BLOCK_BYTES) throw new BlockFileError(`a block of ${length} bytes`, offset)
  return 1 + size + length
}
