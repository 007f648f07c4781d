import { readdir } from 'node:fs/promises'
import { crc32 } from 'node:zlib'
import { type ChainedBatch, Level } from 'level'
import { StoreError } from '../primitives/errors.ts'
import { finishSalvage, salvageTables } from './salvage.ts'
import { isHashChecked, type KeyRange } from './schema.ts'

/**
 * LevelDB, opened by one process, with what `level` leaves out: a checksum on every value, a sync that is asked for
 * by name, and failures that stop everything. Once a write has failed LevelDB refuses all later ones and may hold
 * half of what was asked of it in its log, so this class refuses too and says so; a restart reads what is durable.
 */
export interface DatabaseOptions {
  /** Bytes of uncompressed blocks that LevelDB keeps. */
  readonly cacheBytes?: number
  /** Bytes gathered in memory before LevelDB writes a table; two such buffers may exist at once. */
  readonly writeBufferBytes?: number
}

const DEFAULT_CACHE_BYTES = 8 * 1024 * 1024
const DEFAULT_WRITE_BUFFER_BYTES = 16 * 1024 * 1024
/** Tables of 2 MiB that are held open, and so mapped into memory: at LevelDB's thousand a node took 80 MiB more. */
const MAX_OPEN_FILES = 64
const CRC_BYTES = 4
const SCRATCH_BYTES = 4096
/** Room for any key before it. */
const VALUE_AT = 128
const MAX_SHARED_VALUE_BYTES = SCRATCH_BYTES - VALUE_AT

const REMEDY_DAMAGED =
  'run `idobata db check`, then `idobata db repair`; or delete the directory and sync or import again'

export interface WriteBatch {
  /** Copies both before it returns. */
  put(key: Uint8Array, value: Uint8Array): void
  delete(key: Uint8Array): void
  /** Bytes of keys and values put so far. */
  readonly sizeBytes: number
  /**
   * All or nothing. With `sync` it is on the medium when the promise resolves; without, it survives a kill of the process
   * but not a loss of power. @throws StoreError, after which the database refuses every write.
   */
  write(options: { readonly sync: boolean }): Promise<void>
}

export class Database {
  readonly #level: Level<Uint8Array, Uint8Array>
  #failure: StoreError | undefined
  readonly #scratch = new RecordScratch()
  readonly #failureListeners = new Set<(error: StoreError) => void>()

  private constructor(level: Level<Uint8Array, Uint8Array>) {
    this.#level = level
  }

  /** @throws StoreError if the directory is held by another process, damaged or not writable. */
  static async open(directory: string, options: DatabaseOptions = {}): Promise<Database> {
    const level = new Level<Uint8Array, Uint8Array>(directory, {
      keyEncoding: 'view',
      valueEncoding: 'view',
      // Hashes and signatures do not compress; trying costs more than it saves.
      compression: false,
      cacheSize: options.cacheBytes ?? DEFAULT_CACHE_BYTES,
      writeBufferSize: options.writeBufferBytes ?? DEFAULT_WRITE_BUFFER_BYTES,
      maxOpenFiles: MAX_OPEN_FILES,
    })
    await finishSalvage(directory)
    await refuseHeadless(directory)
    try {
      await level.open()
    } catch (error) {
      throw openFailure(directory, error)
    }
    return new Database(level)
  }

  /**
   * Has LevelDB gather what it can still read in a directory that does not open, or in which it cannot read on. What was
   * deleted may come back and what was written last may be gone: nothing but each record by itself can be believed.
   * @throws StoreError if another process holds it, or nothing can be made of it.
   */
  static async salvage(directory: string): Promise<void> {
    try {
      await salvageTables(directory)
    } catch (error) {
      throw openFailure(directory, error)
    }
  }

  /** Whether a write has failed. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Called once, when a write has failed. */
  onFailure(listener: (error: StoreError) => void): void {
    this.#failureListeners.add(listener)
  }

  /** A few µs. @throws StoreError if the value is damaged. */
  get(key: Uint8Array): Uint8Array | undefined {
    let sealed: Uint8Array | undefined
    try {
      sealed = this.#level.getSync(key)
    } catch (error) {
      throw new StoreError(`cannot read from the database: ${reason(error)}`, REMEDY_DAMAGED, error)
    }
    return sealed === undefined ? undefined : open(key, sealed)
  }

  /** Reads off the main thread; the results are in the keys' order. @throws StoreError. */
  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    let values: (Uint8Array | undefined)[]
    try {
      values = await this.#level.getMany(keys as Uint8Array[])
    } catch (error) {
      throw new StoreError(`cannot read from the database: ${reason(error)}`, REMEDY_DAMAGED, error)
    }
    return values.map((sealed, i) => (sealed === undefined ? undefined : open(keys[i]!, sealed)))
  }

  /** Entries in key order. @throws StoreError. */
  async *entries(
    range: KeyRange,
    options: { readonly limit?: number; readonly reverse?: boolean } = {},
  ): AsyncGenerator<[Uint8Array, Uint8Array]> {
    for await (const [key, sealed] of this.#iterate({ ...range, ...options })) yield [key, open(key, sealed)]
  }

  /**
   * Everything there is, or in a range, in key order, for whoever looks for damage: undefined stands for a value that
   * fails its checksum. @throws StoreError where LevelDB cannot read on.
   */
  async *records(range: Partial<KeyRange> = {}): AsyncGenerator<[Uint8Array, Uint8Array | undefined]> {
    for await (const [key, sealed] of this.#iterate(range)) yield [key, opened(key, sealed)]
  }

  async *#iterate(
    options: Partial<KeyRange> & { readonly limit?: number; readonly reverse?: boolean },
  ): AsyncGenerator<[Uint8Array, Uint8Array]> {
    const iterator = this.#level.iterator({ ...options, highWaterMarkBytes: 1024 * 1024 })
    try {
      for (;;) {
        const entries = await iterator.nextv(1000)
        if (entries.length === 0) return
        for (const entry of entries) yield entry
      }
    } catch (error) {
      throw new StoreError(`cannot read from the database: ${reason(error)}`, REMEDY_DAMAGED, error)
    } finally {
      await iterator.close()
    }
  }

  batch(): WriteBatch {
    // Made for the first entry: the database keeps each until it is written, and many a batch stays empty.
    let batch: ChainedBatch<Level<Uint8Array, Uint8Array>, Uint8Array, Uint8Array> | undefined
    let sizeBytes = 0
    return {
      put: (key, value) => {
        const record = this.#scratch.seal(key, value)
        sizeBytes += record.key.length + record.value.length
        batch ??= this.#level.batch()
        batch.put(record.key, record.value)
      },
      delete: (key) => {
        sizeBytes += key.length
        batch ??= this.#level.batch()
        batch.del(this.#scratch.key(key))
      },
      get sizeBytes() {
        return sizeBytes
      },
      write: async (options) => {
        if (this.#failure !== undefined) throw this.#failure
        try {
          await batch?.write(options)
        } catch (error) {
          throw this.fail(error)
        }
      },
    }
  }

  /** Deletes a range, not atomically. */
  async clear(range: KeyRange): Promise<void> {
    try {
      await this.#level.clear(range)
    } catch (error) {
      throw this.fail(error)
    }
  }

  async close(): Promise<void> {
    await this.#level.close()
  }

  /** Refuses every write from now on, and says so to who listens: what was written and what was not no longer agree. */
  fail(cause: unknown): StoreError {
    this.#failure ??= cause instanceof StoreError ? cause : writeFailure(cause)
    for (const listener of this.#failureListeners) listener(this.#failure)
    this.#failureListeners.clear()
    return this.#failure
  }
}

/**
 * Where records are put together. LevelDB copies what it is given, and reads large buffers faster than small ones; views of one
 * length are made once, since there are tens of thousands of records a block.
 */
class RecordScratch {
  readonly #bytes = new Uint8Array(SCRATCH_BYTES)
  /** By length: keys end, and values begin, at VALUE_AT. */
  readonly #keys: Uint8Array[] = []
  readonly #values: Uint8Array[] = []

  /** The key in this memory; the next call overwrites it. */
  key(key: Uint8Array): Uint8Array {
    if (key.length > VALUE_AT) return key
    this.#keys[key.length] ??= this.#bytes.subarray(VALUE_AT - key.length, VALUE_AT)
    const view = this.#keys[key.length]!
    view.set(key)
    return view
  }

  /**
   * Key and value with their CRC. LevelDB has no checksum that `level` would check on reading: a flipped bit came back
   * as a wrong value without any error.
   */
  seal(key: Uint8Array, value: Uint8Array): { readonly key: Uint8Array; readonly value: Uint8Array } {
    const length = value.length + (isHashChecked(key) ? 0 : CRC_BYTES)
    const keyView = this.key(key)
    const valueView = this.#value(length)
    valueView.set(value)
    if (length > value.length) {
      const covered = length > MAX_SHARED_VALUE_BYTES ? value : this.#value(value.length)
      const crc = crc32(covered, crc32(keyView))
      valueView[length - 4] = crc >>> 24
      valueView[length - 3] = crc >>> 16
      valueView[length - 2] = crc >>> 8
      valueView[length - 1] = crc
    }
    return { key: keyView, value: valueView }
  }

  #value(length: number): Uint8Array {
    if (length > MAX_SHARED_VALUE_BYTES) return new Uint8Array(length)
    this.#values[length] ??= this.#bytes.subarray(VALUE_AT, VALUE_AT + length)
    return this.#values[length]!
  }
}

function open(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  const value = opened(key, sealed)
  if (value === undefined) throw damaged(`record ${String.fromCharCode(key[0] ?? 0)} fails its checksum`)
  return value
}

/** The value, if its CRC is right. */
function opened(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (isHashChecked(key)) return sealed
  const length = sealed.length - CRC_BYTES
  if (length < 0) return undefined
  // Not a view of the Buffer that it is: Buffer's `slice` would share where callers mean to copy.
  const value = new Uint8Array(sealed.buffer, sealed.byteOffset, length)
  const stored = new DataView(sealed.buffer, sealed.byteOffset + length, CRC_BYTES).getUint32(0)
  return stored === crc32(value, crc32(key)) ? value : undefined
}

/** The error for data that is not what was written. */
export function damaged(what: string): StoreError {
  return new StoreError(`the database is damaged: ${what}`, REMEDY_DAMAGED)
}

/** The error for something of the database, or beside it, that could not be written. */
export function writeFailure(cause: unknown): StoreError {
  const text = reason(cause)
  if (/no space|ENOSPC|disk full|quota/i.test(text)) {
    return new StoreError('the disk is full: nothing more can be written', 'free some space and start again', cause)
  }
  const remedy = /corruption/i.test(text) ? REMEDY_DAMAGED : 'check the disk and start again'
  return new StoreError(`cannot write to the database: ${text}`, remedy, cause)
}

/** LevelDB takes tables and logs without a CURRENT file for rubbish: it would delete them and begin a new database. */
async function refuseHeadless(directory: string): Promise<void> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return []
    throw openFailure(directory, error)
  })
  if (!names.includes('CURRENT') && names.some((name) => /\.(ldb|log)$/.test(name))) {
    throw damaged(`${directory} has lost its CURRENT file`)
  }
}

/** Whether `Database.open` failed since another process holds the directory. */
export function isLocked(error: unknown): boolean {
  return error instanceof StoreError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'LEVEL_LOCKED'
}

function openFailure(directory: string, error: unknown): StoreError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const text = reason(cause)
  if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED') {
    return new StoreError(`${directory} is in use by another process`, 'stop it, or give another --datadir', cause)
  }
  if (/no space|ENOSPC/i.test(text)) {
    return new StoreError(`the disk of ${directory} is full`, 'free some space and start again', cause)
  }
  return new StoreError(`cannot open the database in ${directory}: ${text}`, REMEDY_DAMAGED, cause)
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
