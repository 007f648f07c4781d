import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  ConfigError,
  type Environment,
  explainConfig,
  type FileSettings,
  type Flags,
  type NodeConfig,
  OPTIONS,
  type Origins,
} from './config.ts'

/** In a data directory's own file these would point elsewhere. */
const NOT_IN_OWN_FILE = ['datadir', 'dev']

/**
 * The configuration with everything that counts: flags, environment, and the file that `--config` names or that lies in the
 * data directory.
 * @throws ConfigError
 */
export async function loadConfig(flags: Flags, environment: Environment): Promise<NodeConfig> {
  return (await loadExplainedConfig(flags, environment)).config
}

/** The same, and where each value came from. */
export async function loadExplainedConfig(
  flags: Flags,
  environment: Environment,
): Promise<{ readonly config: NodeConfig; readonly origins: Origins }> {
  const { config } = explainConfig(flags, environment)
  if (config.config !== undefined) {
    return explainConfig(flags, environment, await readSettings(config.config, ['config']))
  }
  const own = join(config.datadir, 'config.toml')
  const settings = await readSettings(own, ['config', ...NOT_IN_OWN_FILE]).catch((error: unknown) => {
    if (error instanceof MissingFile) return undefined
    throw error
  })
  return explainConfig(flags, environment, settings)
}

class MissingFile extends ConfigError {}

async function readSettings(file: string, forbidden: readonly string[]): Promise<FileSettings> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new (code === 'ENOENT' ? MissingFile : ConfigError)(`${file}: cannot be read (${code})`)
  }
  const texts = await parseSettings(text, file)
  for (const name of Object.keys(texts)) {
    if (!Object.hasOwn(OPTIONS, name))
      throw new ConfigError(`${file}: ${name} is no setting; the names are those of the options`)
    if (forbidden.includes(name)) throw new ConfigError(`${file}: ${name} cannot be set in this file`)
  }
  return { file, texts }
}

/**
 * TOML as texts by option name. `http.port = 1`, `"http.port" = 1` and a table `[http]` mean the same; since `http` cannot be
 * both a table and a switch, the switch is `enabled` inside.
 * @throws ConfigError that names file and line.
 */
async function parseSettings(text: string, file: string): Promise<Record<string, string>> {
  // Most runs have no file.
  const { parse, TomlError } = await import('smol-toml')
  try {
    return Object.fromEntries(flatten(parse(text), ''))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const [reason] = error.message.replace('Invalid TOML document: ', '').split('\n')
    throw new ConfigError(`${file}:${error.line}: ${reason}`)
  }
}

function flatten(table: object, prefix: string): [string, string][] {
  return Object.entries(table).flatMap(([key, value]: [string, unknown]) => {
    const name = prefix !== '' && key === 'enabled' ? prefix.slice(0, -1) : `${prefix}${key}`
    if (Array.isArray(value)) return [[name, value.join(',')]]
    return typeof value === 'object' && value !== null && !(value instanceof Date)
      ? flatten(value, `${name}.`)
      : [[name, String(value)]]
  })
}
