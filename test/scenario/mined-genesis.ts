import { readFileSync } from 'node:fs'
import { devAccounts } from '../../src/node/dev.ts'
import { toHex } from '../../src/primitives/bytes.ts'

/** The network that is shipped, with a second or two of work for one core, and coins for the development accounts. */
export function minedGenesis(): unknown {
  const shipped = JSON.parse(readFileSync(new URL('../../genesis.json', import.meta.url), 'utf8'))
  const { config } = shipped
  return {
    ...shipped,
    config: { ...config, chainId: 20_121, idobata: { ...config.idobata, spacing: 2 } },
    difficulty: '0x3d0900',
    alloc: Object.fromEntries(
      devAccounts().map(({ address }) => [toHex(address), { balance: '0xd3c21bcecceda1000000' }]),
    ),
  }
}
