import fc from 'fast-check'
import type { RlpItem } from '../../src/primitives/rlp.ts'
import type { AccessListEntry, TransactionFields } from '../../src/primitives/transaction.ts'

/** Half of secp256k1's group order: the greatest s of a canonical signature. */
const MAX_S = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0n

/** Unsigned numbers up to `bits` bits, of all lengths alike. */
function uint(bits: number): fc.Arbitrary<bigint> {
  return fc.nat(bits).chain((length) => fc.bigInt({ min: 0n, max: 2n ** BigInt(length) - 1n }))
}

export function bytesOf(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length })
}

/** Short byte strings, and some around the lengths where RLP headers change. */
const byteString = fc.oneof(
  { weight: 20, arbitrary: fc.uint8Array({ maxLength: 60 }) },
  { weight: 5, arbitrary: fc.constantFrom(55, 56, 255, 256, 257).map((length) => new Uint8Array(length).fill(0xab)) },
  { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536).map((length) => new Uint8Array(length).fill(0xab)) },
)

export const rlpItem: fc.Arbitrary<RlpItem> = fc.letrec<{ item: RlpItem }>((tie) => ({
  item: fc.oneof({ maxDepth: 4 }, byteString, fc.array(tie('item'), { maxLength: 6 })),
})).item

const accessList: fc.Arbitrary<AccessListEntry[]> = fc.array(
  fc.record({ address: bytesOf(20), storageKeys: fc.array(bytesOf(32), { maxLength: 3 }) }),
  { maxLength: 3 },
)

/**
 * Fields of any type that other libraries hold too: nonce and chain id are safe integers, the tip is at most the fee
 * cap. Types 0 and 1 have one price.
 */
export const transactionFields: fc.Arbitrary<TransactionFields> = fc
  .record({
    type: fc.constantFrom(0 as const, 1 as const, 2 as const),
    unprotected: fc.boolean(),
    chainId: uint(53).map((id) => (id === 0n ? 1n : id)),
    nonce: uint(53),
    fees: fc.tuple(uint(256), uint(256)).map(([a, b]) => (a < b ? ([a, b] as const) : ([b, a] as const))),
    gasLimit: uint(64),
    to: fc.option(bytesOf(20), { nil: undefined }),
    value: uint(256),
    data: byteString,
    accessList,
  })
  .map(({ fees: [tip, cap], unprotected, ...fields }) => ({
    ...fields,
    chainId: fields.type === 0 && unprotected ? undefined : fields.chainId,
    maxPriorityFeePerGas: fields.type === 2 ? tip : cap,
    maxFeePerGas: cap,
    accessList: fields.type === 0 ? [] : fields.accessList,
  }))

/** Canonical in form, by nobody. */
export const anySignature = fc.record({
  r: uint(256).map((r) => (r === 0n ? 1n : r)),
  s: uint(254).map((s) => (s === 0n || s > MAX_S ? MAX_S : s)),
  yParity: fc.constantFrom(0 as const, 1 as const),
})
