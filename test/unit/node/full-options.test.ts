import { describe, expect, it } from 'vitest'
import { parseGenesis } from '../../../src/chain/genesis.ts'
import { ConfigError } from '../../../src/node/config.ts'
import { devGenesis } from '../../../src/node/dev.ts'
import { completeOptions } from '../../../src/node/full-options.ts'
import { MAX_CARRIED_BLOCK_BYTES } from '../../../src/p2p/wire/limits.ts'
import { DEFAULT_MAX_BLOCK_BYTES } from '../../../src/primitives/limits.ts'

const network = { addr: '127.0.0.1', port: 0, transports: ['tcp'], bootnodes: [], maxPeers: 1 } as const

function genesisOf(maxBlockBytes: number) {
  const json = devGenesis() as { readonly config: { readonly idobata: object } }
  const idobata = { ...json.config.idobata, maxBlockBytes: `0x${maxBlockBytes.toString(16)}` }
  return parseGenesis({ ...json, config: { ...json.config, idobata } })
}

describe('blocks larger than peers can carry', () => {
  const large = genesisOf(MAX_CARRIED_BLOCK_BYTES + 1)

  it('are refused by a node with peers', async () => {
    await expect(completeOptions({ datadir: 'data', genesis: large, network })).rejects.toThrow(ConfigError)
    await expect(
      completeOptions({ datadir: 'data', genesis: genesisOf(MAX_CARRIED_BLOCK_BYTES), network }),
    ).resolves.toBeDefined()
  })

  it('are a matter of its own for a node without', async () => {
    await expect(completeOptions({ datadir: 'data', genesis: large })).resolves.toBeDefined()
  })

  it('are none by default', () => {
    expect(DEFAULT_MAX_BLOCK_BYTES).toBeLessThanOrEqual(MAX_CARRIED_BLOCK_BYTES)
  })
})
