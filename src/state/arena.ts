import { HASHER_BYTES, Hasher } from '../crypto/keccak.ts'
import { WASM_PAGE_BYTES, type WasmMemory, WebAssembly } from '../crypto/web-assembly.ts'

/** A block of the arena: its address divided by BLOCK_UNIT. 0 is no block. */
export type Handle = number

export const BLOCK_UNIT = 64
/** Blocks of up to this many units are kept in free lists by their exact size; larger ones are not made. */
const MAX_UNITS = 128
const INITIAL_PAGES = 64
/**
 * Pages by which the memory grows, 32 MiB. Those that nothing has been written to take no memory, and each growth
 * has V8 collect all garbage, since it looks like as much memory used anew.
 */
const GROWTH_PAGES = 512

/** First word of a block: units, and whether it is in use. */
const IN_USE = 0x1_0000
const UNITS = 0xffff

/**
 * Memory that trie nodes lie in: one WebAssembly memory, out of the garbage collector's sight and within keccak's reach.
 * A million nodes as JavaScript objects cost the collector more time than all work that is done on them. Blocks
 * are given out in multiples of 64 bytes and come back by `release`; a block that comes back is used again for one of its own size, which
 * is the rule, since a changed node is as long as the one before it. The memory never shrinks.
 */
export class Arena {
  readonly hasher: Hasher
  readonly #memory: WasmMemory
  /** Free blocks by units, each holding the next one's handle in its second word. */
  readonly #free = new Uint32Array(MAX_UNITS + 1)
  /** Where no block has been yet. */
  #end: Handle
  #usedUnits = 0
  /** Views of the memory. They are replaced when it grows, so whoever allocates takes them afresh. */
  bytes: Uint8Array
  shorts: Uint16Array
  words: Uint32Array

  /** @param scratchBytes  reserved for the caller from `scratchAt` on. */
  constructor(scratchBytes: number) {
    this.#memory = new WebAssembly.Memory({ initial: INITIAL_PAGES })
    this.hasher = new Hasher(this.#memory)
    this.bytes = new Uint8Array(this.#memory.buffer)
    this.shorts = new Uint16Array(this.#memory.buffer)
    this.words = new Uint32Array(this.#memory.buffer)
    this.#end = Math.ceil((HASHER_BYTES + scratchBytes) / BLOCK_UNIT)
  }

  /** Address of the caller's scratch memory. */
  readonly scratchAt = HASHER_BYTES

  /** Bytes in blocks that are in use. */
  get usedBytes(): number {
    return this.#usedUnits * BLOCK_UNIT
  }

  /** A block of at least `bytes`; what is in it, its first word excepted, is rubbish. @throws RangeError if memory ends. */
  allocate(bytes: number): Handle {
    const units = Math.ceil(bytes / BLOCK_UNIT)
    if (units > MAX_UNITS) throw new RangeError(`no block of ${bytes} bytes`)
    this.#usedUnits += units
    let handle: Handle = this.#free[units]!
    if (handle !== 0) this.#free[units] = this.words[handle * (BLOCK_UNIT / 4) + 1]!
    else {
      handle = this.#end
      this.#end += units
      // Keccak reads a few bytes behind a message.
      if ((this.#end + 1) * BLOCK_UNIT > this.bytes.length) this.#grow()
    }
    this.words[handle * (BLOCK_UNIT / 4)] = IN_USE | units
    return handle
  }

  release(handle: Handle): void {
    const word = handle * (BLOCK_UNIT / 4)
    const units = this.words[word]! & UNITS
    this.words[word] = units
    this.words[word + 1] = this.#free[units]!
    this.#free[units] = handle
    this.#usedUnits -= units
  }

  /** Whether a block is given out. */
  isUsed(handle: Handle): boolean {
    return (this.words[handle * (BLOCK_UNIT / 4)]! & IN_USE) !== 0
  }

  #grow(): void {
    const missing = (this.#end + 1) * BLOCK_UNIT - this.bytes.length
    this.#memory.grow(Math.max(Math.ceil(missing / WASM_PAGE_BYTES), GROWTH_PAGES))
    this.bytes = new Uint8Array(this.#memory.buffer)
    this.shorts = new Uint16Array(this.#memory.buffer)
    this.words = new Uint32Array(this.#memory.buffer)
  }
}
