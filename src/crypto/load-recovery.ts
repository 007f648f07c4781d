import { nativeRecovery } from './native.ts'
import { nobleRecovery } from './noble.ts'
import type { Recovery, RecoveryName } from './recovery.ts'
import { wasmRecovery } from './wasm.ts'

/** Fastest first. */
const BACKENDS: readonly { readonly name: RecoveryName; readonly load: () => Recovery | Promise<Recovery> }[] = [
  { name: 'native', load: nativeRecovery },
  { name: 'wasm', load: wasmRecovery },
  { name: 'noble', load: nobleRecovery },
]

/**
 * The fastest backend that this machine can run; its `name` says which. A native addon exists only for some platforms
 * and WebAssembly may be switched off, so one that does not load is passed over.
 * @param only load this one and no other.
 * @throws what loading threw, if nothing was left to try.
 */
export async function loadRecovery(only?: RecoveryName): Promise<Recovery> {
  let failure: unknown
  for (const { name, load } of BACKENDS) {
    if (only !== undefined && name !== only) continue
    try {
      return await load()
    } catch (error) {
      failure = error
    }
  }
  throw failure
}
