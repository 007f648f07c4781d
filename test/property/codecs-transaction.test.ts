import { Transaction as EthersTransaction } from 'ethers'
import fc from 'fast-check'
import { type Hex, parseTransaction, serializeTransaction, type TransactionSerializable } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { transactionHash } from '../../src/crypto/hashes.ts'
import { nobleRecovery, privateKeyToAddress, signTransaction } from '../../src/crypto/noble.ts'
import { recoverTransaction } from '../../src/crypto/sender.ts'
import { bigintToBytes, toHex } from '../../src/primitives/bytes.ts'
import {
  assembleTransaction,
  decodeTransaction,
  encodeForSigning,
  signatureOf,
  type TransactionFields,
} from '../../src/primitives/transaction.ts'
import { anySignature, bytesOf, transactionFields } from '../support/arbitraries.ts'

const hex = (bytes: Uint8Array) => toHex(bytes) as Hex
const VIEM_TYPES = ['legacy', 'eip2930', 'eip1559'] as const

function hexAccessList({ accessList }: TransactionFields) {
  return accessList.map(({ address, storageKeys }) => ({ address: hex(address), storageKeys: storageKeys.map(hex) }))
}

/** The same fields as viem has them. */
function toViem(fields: TransactionFields): TransactionSerializable {
  const common = {
    nonce: Number(fields.nonce),
    gas: fields.gasLimit,
    to: fields.to === undefined ? null : hex(fields.to),
    value: fields.value,
    data: hex(fields.data),
  }
  const chain = fields.chainId === undefined ? {} : { chainId: Number(fields.chainId) }
  if (fields.type === 0) return { ...common, ...chain, type: 'legacy', gasPrice: fields.maxFeePerGas }
  const listed = { ...common, chainId: Number(fields.chainId), accessList: hexAccessList(fields) }
  if (fields.type === 1) return { ...listed, type: 'eip2930', gasPrice: fields.maxFeePerGas }
  const { maxFeePerGas, maxPriorityFeePerGas } = fields
  return { ...listed, type: 'eip1559', maxFeePerGas, maxPriorityFeePerGas }
}

describe('transactions', () => {
  it('decode to the fields and the signature they were put together from', () => {
    fc.assert(
      fc.property(transactionFields, anySignature, (fields, { r, s, yParity }) => {
        const tx = assembleTransaction(fields, { r, s, yParity })
        const { raw, signatureAt } = tx
        expect(tx).toEqual({ ...fields, yParity, raw, signatureAt })
        expect(signatureOf(tx)).toEqual({ r: bigintToBytes(r), s: bigintToBytes(s) })
        expect(decodeTransaction(tx.raw)).toEqual(tx)
      }),
      { numRuns: 300 },
    )
  })

  it('encode as viem encodes them, signed and unsigned', () => {
    fc.assert(
      fc.property(transactionFields, anySignature, (fields, { r, s, yParity }) => {
        const theirs = toViem(fields)
        expect(hex(encodeForSigning(fields))).toBe(serializeTransaction(theirs))
        const signature = {
          r: hex(bigintToBytes(r, 32)),
          s: hex(bigintToBytes(s, 32)),
          yParity,
          v: BigInt(27 + yParity),
        }
        expect(hex(assembleTransaction(fields, { r, s, yParity }).raw)).toBe(serializeTransaction(theirs, signature))
      }),
      { numRuns: 300 },
    )
  })

  it('are read by viem as by us', () => {
    fc.assert(
      fc.property(transactionFields, anySignature, (fields, signature) => {
        const { raw } = assembleTransaction(fields, signature)
        const theirs = parseTransaction(hex(raw))
        expect(theirs.type).toBe(VIEM_TYPES[fields.type])
        expect(BigInt(theirs.nonce ?? 0)).toBe(fields.nonce)
        expect(theirs.gas ?? 0n).toBe(fields.gasLimit)
        expect(theirs.value ?? 0n).toBe(fields.value)
        expect(theirs.to ?? undefined).toBe(fields.to === undefined ? undefined : hex(fields.to))
        expect(theirs.data ?? '0x').toBe(hex(fields.data))
        expect(theirs.accessList ?? []).toEqual(hexAccessList(fields))
        expect(theirs.chainId).toBe(fields.chainId === undefined ? undefined : Number(fields.chainId))
        expect(theirs.maxFeePerGas ?? theirs.gasPrice ?? 0n).toBe(fields.maxFeePerGas)
      }),
      { numRuns: 300 },
    )
  })

  it('are read by ethers as by us, with the same hash', () => {
    fc.assert(
      fc.property(transactionFields, anySignature, (fields, signature) => {
        const tx = assembleTransaction(fields, signature)
        const theirs = EthersTransaction.from(hex(tx.raw))
        expect(theirs.type).toBe(fields.type)
        expect(theirs.serialized).toBe(hex(tx.raw))
        expect(theirs.unsignedSerialized).toBe(hex(encodeForSigning(fields)))
        expect(theirs.hash).toBe(hex(transactionHash(tx)))
        expect(BigInt(theirs.nonce)).toBe(fields.nonce)
        expect(theirs.gasLimit).toBe(fields.gasLimit)
        expect(theirs.value).toBe(fields.value)
        expect(theirs.data).toBe(hex(fields.data))
        expect(theirs.to?.toLowerCase()).toBe(fields.to === undefined ? undefined : hex(fields.to))
        expect(theirs.chainId).toBe(fields.chainId ?? 0n)
        expect(theirs.maxFeePerGas ?? theirs.gasPrice).toBe(fields.maxFeePerGas)
        expect(theirs.maxPriorityFeePerGas ?? theirs.gasPrice).toBe(fields.maxPriorityFeePerGas)
        expect(BigInt(theirs.signature?.r ?? 0)).toBe(signature.r)
        expect(BigInt(theirs.signature?.s ?? 0)).toBe(signature.s)
        expect(theirs.signature?.yParity).toBe(signature.yParity)
      }),
      { numRuns: 300 },
    )
  })

  it('are signed byte for byte as viem signs them, and ethers and we find the sender', async () => {
    const noble = nobleRecovery()
    await fc.assert(
      fc.asyncProperty(transactionFields, bytesOf(31), async (fields, seed) => {
        const privateKey = Uint8Array.of(...seed, 1)
        const tx = signTransaction(fields, privateKey)
        expect(hex(tx.raw)).toBe(await privateKeyToAccount(hex(privateKey)).signTransaction(toViem(fields)))
        const address = privateKeyToAddress(privateKey)
        expect(EthersTransaction.from(hex(tx.raw)).from?.toLowerCase()).toBe(hex(address))
        const recovered = recoverTransaction(noble, tx)
        expect(recovered.sender).toEqual(address)
        expect(recovered.hash).toEqual(transactionHash(tx))
      }),
      { numRuns: 50 },
    )
  })
})
