import { closeSync, constants, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import type { ChainStore } from '../chain/chain-store.ts'
import type { Head } from '../chain/types.ts'
import { damaged, writeFailure } from '../store/database.ts'
import { lastHeadFile } from './data-files.ts'

/** Hash, number (8 bytes big-endian), CRC of both. */
const CONTENT_BYTES = 32 + 8
const FILE_BYTES = CONTENT_BYTES + 4

/**
 * The last head announced, in a file beside LevelDB's. A log or manifest that has lost its end
 * looks to LevelDB like one that was never longer; the node would go on from an older block, or from genesis, without a
 * word.
 */
export class LastHead {
  readonly #descriptor: number

  private constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  /**
   * Makes the file if it is not there.
   * @throws StoreError if the chain has not got the head that the file names; the operating system's error.
   */
  static async open(datadir: string, store: ChainStore): Promise<LastHead> {
    await checkLastHead(datadir, store)
    return new LastHead(openSync(lastHeadFile(datadir), constants.O_RDWR | constants.O_CREAT, 0o600))
  }

  /**
   * In place and at once: a kill leaves the old hash or the new one. Cost: one system call.
   * @param sync  on the medium before it returns: for a head that goes back, since the old one is about to be deleted.
   * @throws StoreError.
   */
  write({ hash, header }: Head, { sync = false } = {}): void {
    const bytes = Buffer.alloc(FILE_BYTES)
    bytes.set(hash)
    bytes.writeBigUInt64BE(BigInt(header.number), 32)
    bytes.writeUInt32BE(crc32(bytes.subarray(0, CONTENT_BYTES)), CONTENT_BYTES)
    try {
      writeSync(this.#descriptor, bytes, 0, FILE_BYTES, 0)
      if (sync) fdatasyncSync(this.#descriptor)
    } catch (error) {
      throw writeFailure(error)
    }
  }

  close(): void {
    closeSync(this.#descriptor)
  }
}

/**
 * Nothing is lost where there is no file, or none that can be believed: a loss of power may leave an old or a torn one.
 * @throws StoreError if the chain has not got the head that the file names.
 */
export async function checkLastHead(datadir: string, store: ChainStore): Promise<void> {
  const last = await readLastHead(datadir)
  if (last === undefined) return
  const known = store.header(last.hash)
  const headHash = store.headHash()
  const head = headHash && store.header(headHash)
  if (known === undefined || head === undefined || head.totalDifficulty < known.totalDifficulty) {
    throw damaged(`block ${last.number} was its head, now it is ${head?.header.number ?? 'none'}`)
  }
}

async function readLastHead(
  datadir: string,
): Promise<{ readonly hash: Uint8Array; readonly number: number } | undefined> {
  let bytes: Buffer
  try {
    bytes = await readFile(lastHeadFile(datadir))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (bytes.length !== FILE_BYTES) return undefined
  const content = bytes.subarray(0, CONTENT_BYTES)
  if (bytes.readUInt32BE(CONTENT_BYTES) !== crc32(content)) return undefined
  return { hash: new Uint8Array(content.subarray(0, 32)), number: Number(content.readBigUInt64BE(32)) }
}
