import { readFileSync } from 'node:fs'
import type { PowParams } from '../../src/consensus/pow.ts'
import { devAccounts } from '../../src/node/dev.ts'
import { toHex } from '../../src/primitives/bytes.ts'

export const HOSTILE_CHAIN_ID = 20_119

/** So little work that adversaries can afford it: what is looked for is what happens then. */
export const HOSTILE_POW: PowParams = {
  genesisDifficulty: 1_000n,
  spacingSec: 2n,
  halfLifeSec: 600n,
  rewardWei: 2n * 10n ** 18n,
  safeDepth: 12,
  finalizedDepth: 64,
}

/** The network that is shipped, with that work, and coins for the first development account. */
export function hostileGenesis(): unknown {
  const shipped = JSON.parse(readFileSync(new URL('../../genesis.json', import.meta.url), 'utf8'))
  const { genesisDifficulty, spacingSec, halfLifeSec } = HOSTILE_POW
  const engine = { ...shipped.config.idobata, spacing: Number(spacingSec), halfLife: Number(halfLifeSec) }
  return {
    ...shipped,
    config: { ...shipped.config, chainId: HOSTILE_CHAIN_ID, idobata: engine },
    difficulty: `0x${genesisDifficulty.toString(16)}`,
    alloc: { [toHex(devAccounts()[0]!.address)]: { balance: '0xd3c21bcecceda1000000' } },
  }
}
