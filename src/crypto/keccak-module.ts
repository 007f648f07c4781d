import {
  addI32,
  again,
  andI32,
  andI64,
  andNotV128,
  assembleModule,
  type Code,
  call,
  extendI32,
  get,
  I32,
  I64,
  i32,
  i64,
  loadI32,
  loadI64,
  loadSplatI64,
  loadV128,
  loop,
  ltS,
  mulI32,
  orI64,
  orV128,
  rotateLeftI64,
  set,
  shiftLeftI32,
  shiftLeftI64,
  shiftLeftI64x2,
  shiftRightI64x2,
  storeI32,
  storeI64,
  storeV128,
  subI32,
  subI64,
  tee,
  V128,
  type WasmFunction,
  when,
  xorI64,
  xorV128,
} from './wasm-assembler.ts'

/**
 * keccak256 in WebAssembly, two messages at a time in the halves of 128-bit registers, over a memory of the caller's:
 * messages and digests lie where the caller has them. A lane that is through with its message takes the next one at
 * once, so that messages of different lengths keep both busy.
 * Source: FIPS 202, with Keccak's original padding (a single 1 bit).
 */

/** The start of the memory is the module's own. */
const STATE = 0
/** What each lane works at: address, bytes left (-1: nothing), address of the digest. */
const LANES = 416
const LANE_BYTES = 12
const CONSTANTS = 448
/** Where the jobs lie that `hashJobs` takes: address, length and address of the digest, 4 bytes each. */
export const JOBS_AT = 640
export const JOB_BYTES = 12

const RATE = 136
const ROUNDS = 24

/** Constants of step iota and offsets of step rho, from the specification's own definitions. */
function roundConstants(): bigint[] {
  let lfsr = 1
  return Array.from({ length: ROUNDS }, () => {
    let constant = 0n
    for (let j = 0; j < 7; j++) {
      if ((lfsr & 1) === 1) constant |= 1n << BigInt((1 << j) - 1)
      lfsr = (lfsr << 1) ^ ((lfsr >> 7) * 0x171)
    }
    return constant
  })
}

function rotations(): number[] {
  const offsets = new Array<number>(25).fill(0)
  let x = 1
  let y = 0
  for (let t = 0; t < 24; t++) {
    offsets[x + 5 * y] = (((t + 1) * (t + 2)) / 2) % 64
    ;[x, y] = [y, (2 * x + 3 * y) % 5]
  }
  return offsets
}

/** Locals: the state before and after a round in turns, then B, C and D of the specification. */
const STATES = [0, 25] as const
const B = 50
const C = 55
const D = 60
/** Local that walks over the constants, two rounds at a time. */
const POINTER = 65

/** What a lane is: 64 bits of one message, or of two. */
interface Word {
  readonly type: number
  readonly load: (offset: number) => Code
  readonly loadConstant: (offset: number) => Code
  readonly store: (offset: number) => Code
  readonly xor: Code
  /** a, b → a & ~b. */
  readonly andNot: Code
  readonly rotateLeft: (local: number, bits: number) => Code
}

const ONE: Word = {
  type: I64,
  load: loadI64,
  loadConstant: loadI64,
  store: storeI64,
  xor: xorI64,
  andNot: [...i64(-1n), ...xorI64, ...andI64],
  rotateLeft: (local, bits) => [...get(local), ...i64(BigInt(bits)), ...rotateLeftI64],
}

const TWO: Word = {
  type: V128,
  load: loadV128,
  loadConstant: loadSplatI64,
  store: storeV128,
  xor: xorV128,
  andNot: andNotV128,
  rotateLeft: (local, bits) => [
    ...[...get(local), ...i32(bits), ...shiftLeftI64x2],
    ...[...get(local), ...i32(64 - bits), ...shiftRightI64x2],
    ...orV128,
  ],
}

/** One round from the lanes `from` (lane (x, y) is local from + x + 5y) to the lanes `to`; a plane of B at a time. */
function round(word: Word, from: number, to: number, constant: Code, offsets: readonly number[]): Code[] {
  const { xor, andNot, rotateLeft } = word
  const code: Code[] = []
  for (let x = 0; x < 5; x++) {
    code.push(get(from + x))
    for (let y = 1; y < 5; y++) code.push(get(from + x + 5 * y), xor)
    code.push(set(C + x))
  }
  for (let x = 0; x < 5; x++) {
    code.push(get(C + ((x + 4) % 5)), rotateLeft(C + ((x + 1) % 5), 1), xor, set(D + x))
  }
  for (let plane = 0; plane < 5; plane++) {
    for (let i = 0; i < 5; i++) {
      // Step pi brings lane (x, y) to (y, 2x + 3y): which one comes to (i, plane)?
      const y = i
      const x = (3 * plane + i) % 5
      code.push(get(from + x + 5 * y), get(D + x), xor, set(B + i))
      if (x + y > 0) code.push(rotateLeft(B + i, offsets[x + 5 * y]!), set(B + i))
    }
    for (let x = 0; x < 5; x++) {
      code.push(get(B + x), get(B + ((x + 2) % 5)), get(B + ((x + 1) % 5)), andNot, xor)
      if (x + plane === 0) code.push(constant, xor)
      code.push(set(to + x + 5 * plane))
    }
  }
  return code
}

function permutation(word: Word): WasmFunction {
  const offsets = rotations()
  const lanes = Array.from({ length: 25 }, (_, i) => i)
  const [before, between] = STATES
  const constant = (offset: number): Code => [...get(POINTER), ...word.loadConstant(offset)]
  return {
    parameters: 0,
    locals: [
      [65, word.type],
      [1, I32],
    ],
    body: [
      ...lanes.flatMap((i) => [i32(STATE), word.load(16 * i), set(before + i)]),
      ...[i32(CONSTANTS), set(POINTER)],
      loop([
        ...round(word, before, between, constant(0), offsets),
        ...round(word, between, before, constant(8), offsets),
        ...[get(POINTER), i32(16), addI32, tee(POINTER), i32(CONSTANTS + 8 * ROUNDS), ltS],
        when([again(1)]),
      ]),
      ...lanes.flatMap((i) => [i32(STATE), get(before + i), word.store(16 * i)]),
    ],
  }
}

/** Words of a message lie 16 bytes apart in the state, its other half being the other lane's. */
const xorWord = (state: Code, stateOffset: number, word: readonly Code[]): Code[] => [
  state,
  state,
  loadI64(stateOffset),
  ...word,
  xorI64,
  storeI64(stateOffset),
]

/** Locals of the three functions below: parameters first. */
const RECORD = 0
const HALF = 1
const NEXT = 2
const ADDRESS = 2
const LEFT = 3
const WORD = 4

/** (record, half): mixes the next block of a lane's message into its half of the state, padded if it is the last. */
function absorbing(): WasmFunction {
  const wholeBlock = Array.from({ length: RATE / 8 }, (_, i) =>
    xorWord(get(HALF), STATE + 16 * i, [get(ADDRESS), loadI64(8 * i)]),
  ).flat()
  const bitsLeft: Code = [...get(LEFT), ...i32(3), ...shiftLeftI32, ...extendI32]
  const bitAfterThem: Code = [...i64(1n), ...bitsLeft, ...shiftLeftI64, ...tee(WORD)]
  const lastBlock: Code[] = [
    // Before the loop moves on: the padding's other end.
    ...xorWord(get(HALF), STATE + 16 * (RATE / 8 - 1), [i64(1n << 63n)]),
    loop([
      ...[i32(7), get(LEFT), ltS],
      when([
        ...xorWord(get(HALF), STATE, [get(ADDRESS), loadI64()]),
        ...[get(HALF), i32(16), addI32, set(HALF)],
        ...[get(ADDRESS), i32(8), addI32, set(ADDRESS)],
        ...[get(LEFT), i32(8), subI32, set(LEFT)],
        again(1),
      ]),
    ]),
    ...xorWord(get(HALF), STATE, [
      ...[get(ADDRESS), loadI64(), bitAfterThem, i64(1n), subI64, andI64],
      ...[get(WORD), orI64],
    ]),
  ]
  return {
    parameters: 2,
    locals: [
      [2, I32],
      [1, I64],
    ],
    body: [
      ...[get(RECORD), loadI32(), set(ADDRESS)],
      ...[get(RECORD), loadI32(4), set(LEFT)],
      ...[i32(-1), get(LEFT), ltS],
      when([get(LEFT), i32(RATE), ltS, when(lastBlock, wholeBlock)]),
    ],
  }
}

/** (record, half): after a permutation, moves a lane on in its message, or writes the digest and lets the lane go. */
function squeezing(): WasmFunction {
  const digest = [0, 1, 2, 3].flatMap((i) => [
    ...[get(RECORD), loadI32(8)],
    ...[get(HALF), loadI64(STATE + 16 * i), storeI64(8 * i)],
  ])
  const onward: Code[] = [
    ...[get(RECORD), get(RECORD), loadI32(), i32(RATE), addI32, storeI32()],
    ...[get(RECORD), get(LEFT), i32(RATE), subI32, storeI32(4)],
  ]
  return {
    parameters: 2,
    locals: [[2, I32]],
    body: [
      ...[get(RECORD), loadI32(4), set(LEFT)],
      ...[i32(-1), get(LEFT), ltS],
      when([get(LEFT), i32(RATE), ltS, when([...digest, get(RECORD), i32(-1), storeI32(4)], onward)]),
    ],
  }
}

/** (record, half, job): gives a lane the job at an address. */
function taking(): WasmFunction {
  const fields = [0, 4, 8].flatMap((field) => [get(RECORD), get(NEXT), loadI32(field), storeI32(field)])
  const zeros = Array.from({ length: 25 }, (_, i) => [get(HALF), i64(0n), storeI64(STATE + 16 * i)]).flat()
  return { parameters: 3, locals: [], body: [...fields, ...zeros] }
}

/** Function indexes. */
const PERMUTE_BOTH = 0
const PERMUTE_FIRST = 1
const ABSORB = 2
const SQUEEZE = 3
const TAKE = 4

/** (count): does the jobs from JOBS_AT on. */
function hashing(): WasmFunction {
  const COUNT = 0
  const END = 0
  const JOB = 1
  const lanes = [0, 1].map((lane) => [i32(LANES + LANE_BYTES * lane), i32(8 * lane)] as const)
  const left = lanes.map(([record]) => [record, loadI32(4)])
  return {
    parameters: 1,
    locals: [[1, I32]],
    exported: 'hashJobs',
    body: [
      ...[get(COUNT), i32(JOB_BYTES), mulI32, i32(JOBS_AT), addI32, set(END)],
      ...[i32(JOBS_AT), set(JOB)],
      ...lanes.flatMap(([record]) => [record, i32(-1), storeI32(4)]),
      loop([
        ...lanes.flatMap(([record, half], lane) => [
          ...[...left[lane]!, i32(0), ltS, get(JOB), get(END), ltS, andI32],
          when([record, half, get(JOB), call(TAKE), get(JOB), i32(JOB_BYTES), addI32, set(JOB)]),
        ]),
        // Until both have nothing left: -1 & -1.
        ...[i32(-1), ...left[0]!, ...left[1]!, andI32, ltS],
        when([
          ...lanes.flatMap(([record, half]) => [record, half, call(ABSORB)]),
          ...[...left[1]!, i32(0), ltS, when([call(PERMUTE_FIRST)], [call(PERMUTE_BOTH)])],
          ...lanes.flatMap(([record, half]) => [record, half, call(SQUEEZE)]),
          again(1),
        ]),
      ]),
    ],
  }
}

/** The module's binary: imports `env.memory`, exports `hashJobs(count)`. Cost: some milliseconds. */
export function assembleKeccak(): Uint8Array<ArrayBuffer> {
  const constants = new Uint8Array(new BigUint64Array(roundConstants()).buffer)
  return assembleModule(
    [permutation(TWO), permutation(ONE), absorbing(), squeezing(), taking(), hashing()],
    CONSTANTS,
    constants,
  )
}
