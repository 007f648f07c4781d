import type { Chain } from '../chain/chain.ts'
import { hashBlock } from '../crypto/hashes.ts'
import { keccak256 } from '../crypto/keccak.ts'
import { decodeBlock } from '../primitives/block.ts'
import { BlockError, DecodeError, TxError } from '../primitives/errors.ts'
import { RlpReader } from '../primitives/rlp.ts'
import { BlockFileError, type EncodedBlock, readBlockFile } from './block-file.ts'

/** Blocks handed to the chain and not yet through: signatures of the next are recovered while one executes. */
const MAX_IN_FLIGHT_BLOCKS = 64
const MAX_IN_FLIGHT_BYTES = 32 * 1024 * 1024

export interface ImportCounts {
  readonly imported: number
  /** Known before. */
  readonly skipped: number
  /** Too far ahead of the clock to be judged now. */
  readonly future: number
}

interface ImportProgress extends ImportCounts {
  /** Bytes of the file that are through. */
  readonly bytes: number
}

export interface ImportOptions {
  /** Ends the import early, between two blocks. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: ImportProgress) => void
}

interface InFlight {
  readonly sizeBytes: number
  readonly done: Promise<void>
}

/**
 * Imports a file of blocks in order. Stops at the first that is refused; those before it stay.
 * @throws BlockFileError that says where in the file and why; StoreError.
 */
export async function importBlocks(chain: Chain, file: string, options: ImportOptions): Promise<void> {
  let [imported, skipped, future, bytes] = [0, 0, 0, 0]
  const queue: InFlight[] = []
  let queuedBytes = 0
  const finishOldest = async () => {
    const { done, sizeBytes } = queue.shift()!
    queuedBytes -= sizeBytes
    try {
      await done
    } catch (error) {
      // Those behind it fail because it did.
      queue.length = 0
      throw error
    }
    options.onProgress({ imported, skipped, future, bytes })
  }
  const importOne = async (block: EncodedBlock) => {
    const outcome = await importBlock(chain, block)
    if (outcome === 'known') skipped++
    else if (outcome === 'future') future++
    else imported++
    bytes = block.offset + block.encoded.length
  }
  try {
    for await (const block of readBlockFile(file)) {
      if (options.signal.aborted) break
      const done = importOne(block)
      // Awaited in its turn; until then a failure is not an unhandled one.
      done.catch(() => undefined)
      queue.push({ sizeBytes: block.encoded.length, done })
      queuedBytes += block.encoded.length
      while (queue.length > MAX_IN_FLIGHT_BLOCKS || queuedBytes > MAX_IN_FLIGHT_BYTES) await finishOldest()
    }
  } catch (error) {
    // A file that is cut off: what stood before the cut counts, and its failure would come first.
    while (queue.length > 0) await finishOldest()
    throw error
  }
  while (queue.length > 0) await finishOldest()
}

async function importBlock(chain: Chain, { encoded, offset }: EncodedBlock) {
  try {
    // Running an import again must not cost decoding everything again.
    if (chain.store.header(keccak256(new RlpReader(encoded).list().raw()))) return 'known'
    return await chain.import(hashBlock(decodeBlock(encoded)))
  } catch (error) {
    if (error instanceof BlockError || error instanceof DecodeError || error instanceof TxError) {
      throw new BlockFileError(`block refused: ${error.message},`, offset)
    }
    throw error
  }
}
