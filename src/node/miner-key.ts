import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { privateKeyToAddress } from '../crypto/noble.ts'
import { fromHex, toHex } from '../primitives/bytes.ts'
import { ConfigError } from './config.ts'

/**
 * The key of the account that mines: 64 hex digits in `miner.key`, readable by its owner alone. It is not encrypted: a node
 * that starts unattended would need the password beside it.
 */
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
  try {
    return parseKey(await readFile(file, 'utf8'), file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes a key and keeps it. @throws the operating system's error, `code` EEXIST if there is one already. */
export async function createMinerKey(datadir: string): Promise<MinerKey> {
  const key = parseKey(randomBytes(32).toString('hex'), minerKeyFile(datadir))
  await mkdir(datadir, { recursive: true, mode: 0o700 })
  await writeSecret(key.file, `${toHex(key.privateKey).slice(2)}\n`)
  return key
}

function parseKey(text: string, file: string): MinerKey {
  const digits = text.trim()
  try {
    if (!/^(0x)?[0-9a-fA-F]{64}$/.test(digits)) throw new RangeError('not 64 hex digits')
    const privateKey = fromHex(digits)
    return { privateKey, address: privateKeyToAddress(privateKey), file }
  } catch (error) {
    throw new ConfigError(`${file}: no private key: ${(error as Error).message}`)
  }
}

/** On the medium before it returns: rewards must not go to a key that a loss of power takes away. */
async function writeSecret(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
