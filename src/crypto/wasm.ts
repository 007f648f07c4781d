import { type Recovery, writeCompactSignature } from './recovery.ts'

/**
 * libsecp256k1 in WebAssembly: for platforms without a prebuilt native addon.
 * Imported only when asked for: the package brings 45 MB and a tenth of a second of other things.
 */
export async function wasmRecovery(): Promise<Recovery> {
  const { instantiateSecp256k1 } = await import('@bitauth/libauth')
  const secp256k1 = await instantiateSecp256k1()
  const signature = new Uint8Array(64)
  return {
    name: 'wasm',
    recover(hash, r, s, yParity) {
      writeCompactSignature(signature, 0, r, s)
      const publicKey = secp256k1.recoverPublicKeyUncompressed(signature, yParity, hash)
      // A string says why there is no key.
      return typeof publicKey === 'string' ? undefined : publicKey.slice(1)
    },
  }
}
