import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Genesis, GenesisError, parseGenesis } from '../chain/genesis.ts'
import { ConfigError, type NodeConfig } from './config.ts'
import { devGenesis } from './dev.ts'
import { readEngineSettings } from './engine.ts'

const DEFAULT_GENESIS = fileURLToPath(new URL('../../genesis.json', import.meta.url))

/** Where a genesis comes from. */
export type GenesisSource = Pick<NodeConfig, 'dev' | 'genesis'>

/**
 * The genesis that a configuration names: the development network's, a file, or the one shipped.
 * @throws ConfigError that names the file and the place in it.
 */
export async function loadGenesis({ dev, genesis }: GenesisSource): Promise<Genesis> {
  if (dev) return parseGenesis(devGenesis())
  const file = genesis ?? DEFAULT_GENESIS
  try {
    const parsed = parseGenesis(JSON.parse(await readFile(file, 'utf8')))
    // What the engine would refuse later belongs to the file too.
    readEngineSettings(parsed)
    return parsed
  } catch (error) {
    if (error instanceof GenesisError || error instanceof SyntaxError)
      throw new ConfigError(`${file}: ${error.message}`)
    const { code } = error as NodeJS.ErrnoException
    if (code !== undefined) throw new ConfigError(`${file}: cannot be read (${code})`)
    throw error
  }
}
