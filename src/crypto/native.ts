import { createRequire } from 'node:module'
import { type Recovery, writeCompactSignature } from './recovery.ts'

/** The part of the binding that is used. It throws a plain Error, with one of REFUSALS, where there is no key. */
interface Binding {
  ecdsaRecover(
    signature: Uint8Array,
    recoveryId: number,
    hash: Uint8Array,
    compressed: false,
    output: Uint8Array,
  ): Uint8Array
}

const REFUSALS: readonly unknown[] = ['Signature could not be parsed', 'Public key could not be recover']

/**
 * libsecp256k1 as a native addon. Only the binding is loaded: the package's own entry point falls back on `elliptic`,
 * which has open advisories.
 * @throws whatever loading a missing or unloadable addon throws.
 */
export function nativeRecovery(): Recovery {
  const binding: Binding = createRequire(import.meta.url)('secp256k1/bindings.js')
  // Passed to native code again and again, so allocated outside V8's heap (see `outsideHeap`).
  const memory = new ArrayBuffer(64 + 32 + 65)
  const signature = new Uint8Array(memory, 0, 64)
  const message = new Uint8Array(memory, 64, 32)
  const publicKey = new Uint8Array(memory, 96, 65)
  return {
    name: 'native',
    recover(hash, r, s, yParity) {
      writeCompactSignature(signature, 0, r, s)
      message.set(hash)
      try {
        binding.ecdsaRecover(signature, yParity, message, false, publicKey)
      } catch (error) {
        if (error instanceof Error && REFUSALS.includes(error.message)) return undefined
        throw error
      }
      return publicKey.slice(1)
    },
  }
}
