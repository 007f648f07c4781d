/**
 * Just enough of the WebAssembly binary format to write one small module by hand: instructions are arrays of bytes, put
 * together by functions. Source: WebAssembly Core Specification 2.0, chapter 5.
 */
export type Code = readonly number[]

export const I32 = 0x7f
export const I64 = 0x7e
export const V128 = 0x7b

/** Unsigned LEB128. `value` is below 2^32. */
export function uleb(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) | 0x80)
  }
}

/** Signed LEB128 of a 64-bit number. */
function sleb(value: bigint): number[] {
  const bytes: number[] = []
  for (let rest = BigInt.asIntN(64, value); ; rest >>= 7n) {
    const low = Number(rest & 0x7fn)
    if ((rest < 64n && rest >= 0n) || (rest >= -64n && rest < 0n)) return [...bytes, low]
    bytes.push(low | 0x80)
  }
}

export const get = (local: number): Code => [0x20, ...uleb(local)]
export const set = (local: number): Code => [0x21, ...uleb(local)]
export const tee = (local: number): Code => [0x22, ...uleb(local)]
export const call = (index: number): Code => [0x10, ...uleb(index)]
export const i32 = (value: number): Code => [0x41, ...sleb(BigInt(value))]
export const i64 = (value: bigint): Code => [0x42, ...sleb(value)]

/** Memory instructions promise no alignment (the 0): addresses may be any. */
const memory = (opcode: number, offset: number): Code => [opcode, 0, ...uleb(offset)]
export const loadI32 = (offset = 0): Code => memory(0x28, offset)
export const loadI64 = (offset = 0): Code => memory(0x29, offset)
export const storeI32 = (offset = 0): Code => memory(0x36, offset)
export const storeI64 = (offset = 0): Code => memory(0x37, offset)

const simd = (opcode: number): number[] => [0xfd, ...uleb(opcode)]
export const loadV128 = (offset = 0): Code => [...simd(0), 0, ...uleb(offset)]
/** The same eight bytes in both halves. */
export const loadSplatI64 = (offset = 0): Code => [...simd(10), 0, ...uleb(offset)]
export const storeV128 = (offset = 0): Code => [...simd(11), 0, ...uleb(offset)]
export const andNotV128: Code = simd(79)
export const orV128: Code = simd(80)
export const xorV128: Code = simd(81)
export const shiftLeftI64x2: Code = simd(203)
export const shiftRightI64x2: Code = simd(205)

export const ltS: Code = [0x48]
export const addI32: Code = [0x6a]
export const subI32: Code = [0x6b]
export const mulI32: Code = [0x6c]
export const andI32: Code = [0x71]
export const shiftLeftI32: Code = [0x74]
export const andI64: Code = [0x83]
export const orI64: Code = [0x84]
export const xorI64: Code = [0x85]
export const subI64: Code = [0x7d]
export const shiftLeftI64: Code = [0x86]
export const rotateLeftI64: Code = [0x89]
export const extendI32: Code = [0xad]

export const when = (then: readonly Code[], otherwise: readonly Code[] = []): Code => [
  0x04,
  0x40,
  ...then.flat(),
  ...(otherwise.length === 0 ? [] : [0x05, ...otherwise.flat()]),
  0x0b,
]
/** Runs `body` again whenever it gets to an `again`, and otherwise once. */
export const loop = (body: readonly Code[]): Code => [0x03, 0x40, ...body.flat(), 0x0b]
/** `blocks` conditional blocks (`when`) stand between it and its loop. */
export const again = (blocks: number): Code => [0x0c, ...uleb(blocks)]

export interface WasmFunction {
  /** How many i32 it takes; it returns nothing. */
  readonly parameters: number
  /** Its locals after the parameters: how many of which type. */
  readonly locals: readonly (readonly [count: number, type: number])[]
  readonly body: readonly Code[]
  /** Its name outside. */
  readonly exported?: string
}

/** A module of `functions` over the memory that it imports as `env.memory`, where it puts `data` at `dataAt`. */
export function assembleModule(
  functions: readonly WasmFunction[],
  dataAt: number,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [0x60, ...vector(Array.from({ length: parameters }, () => [I32])), 0])
  const memoryImport = [...name('env'), ...name('memory'), 0x02, 0x00, 0x01]
  const exports = functions.flatMap(({ exported }, index) =>
    exported === undefined ? [] : [[...name(exported), 0x00, ...uleb(index)]],
  )
  const codes = functions.map(({ locals, body }) => {
    const declared = vector(locals.map(([count, type]) => [...uleb(count), type]))
    const code = [...declared, ...body.flat(), 0x0b]
    return [...uleb(code.length), ...code]
  })
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, types),
    ...section(2, [memoryImport]),
    ...section(
      3,
      functions.map((_, index) => uleb(index)),
    ),
    ...section(7, exports),
    ...section(10, codes),
    ...section(11, [[0x00, ...i32(dataAt), 0x0b, ...uleb(data.length), ...data]]),
  ])
}

function section(id: number, items: readonly Code[]): number[] {
  const content = vector(items)
  return [id, ...uleb(content.length), ...content]
}

function vector(items: readonly Code[]): number[] {
  return [...uleb(items.length), ...items.flat()]
}

function name(text: string): number[] {
  return vector(Array.from(text, (character) => [character.charCodeAt(0)]))
}
