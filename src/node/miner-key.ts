import { join } from 'node:path'
import { privateKeyToAddress } from '../crypto/noble.ts'
import { ConfigError } from './config.ts'
import { createSecret, readSecret } from './secret-file.ts'

/** The key of the account that mines, in `miner.key`. */
export interface MinerKey {
  /** 32 bytes. */
  readonly privateKey: Uint8Array
  /** 20 bytes. */
  readonly address: Uint8Array
  /** Where it is kept. */
  readonly file: string
}

export function minerKeyFile(datadir: string): string {
  return join(datadir, 'miner.key')
}

/** undefined: there is none. @throws ConfigError if the file holds no key. */
export async function readMinerKey(datadir: string): Promise<MinerKey | undefined> {
  const file = minerKeyFile(datadir)
  const secret = await readSecret(file)
  return secret && minerKey(secret, file)
}

/** Makes a key and keeps it. @throws the operating system's error, `code` EEXIST if there is one already. */
export async function createMinerKey(datadir: string): Promise<MinerKey> {
  const file = minerKeyFile(datadir)
  return minerKey(await createSecret(file), file)
}

function minerKey(privateKey: Uint8Array, file: string): MinerKey {
  try {
    return { privateKey, address: privateKeyToAddress(privateKey), file }
  } catch (error) {
    throw new ConfigError(`${file}: no private key: ${(error as Error).message}`)
  }
}
