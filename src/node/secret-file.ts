import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fromHex, toHex } from '../primitives/bytes.ts'
import { writePrivateFile } from '../wallet/private-file.ts'
import { ConfigError } from './config.ts'

/**
 * 32 secret bytes in a file: 64 hex digits, readable by its owner alone. Not encrypted: a node that starts unattended would
 * need the password beside it.
 * @returns undefined if there is no such file. @throws ConfigError if it holds something else.
 */
export async function readSecret(file: string): Promise<Uint8Array | undefined> {
  let text: string
  try {
    text = (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text)) throw new ConfigError(`${file}: no private key: not 64 hex digits`)
  return fromHex(text)
}

/**
 * Makes a secret and keeps it: on the medium before this returns, since rewards must not go to a key that a loss of power
 * takes away. @throws the operating system's error, `code` EEXIST if there is one already.
 */
export async function createSecret(file: string): Promise<Uint8Array> {
  const secret = new Uint8Array(randomBytes(32))
  await writePrivateFile(file, `${toHex(secret).slice(2)}\n`)
  return secret
}
