import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { equalBytes, fromHex, toHex } from '../primitives/bytes.ts'
import { type Keystore, KeystoreError } from './keystore.ts'
import { writePrivateFile } from './private-file.ts'

/** Bytes; a keystore has about 500. */
const MAX_KEYSTORE_BYTES = 64 * 1024

/** An account whose key lies encrypted in a file. */
export interface StoredAccount {
  /** 20 bytes, as the file claims; whether it holds that key shows when it is decrypted. */
  readonly address: Uint8Array
  readonly file: string
}

/** In the order of the files' names, which begin with the time they were made. Other files are passed over; no directory holds none. */
export async function listAccounts(directory: string): Promise<StoredAccount[]> {
  const accounts: StoredAccount[] = []
  for (const name of (await namesIn(directory)).sort()) {
    const file = join(directory, name)
    const address = await claimedAddress(file)
    if (address) accounts.push({ address, file })
  }
  return accounts
}

/** undefined: it is not there. @throws KeystoreError `ambiguous` if two files have it. */
export async function findAccount(directory: string, address: Uint8Array): Promise<StoredAccount | undefined> {
  const [found, second] = (await listAccounts(directory)).filter((account) => equalBytes(account.address, address))
  if (second) {
    throw new KeystoreError('ambiguous', `${toHex(address)} is in two files: remove ${found!.file} or ${second.file}`)
  }
  return found
}

/** The parsed JSON of a keystore file. @throws KeystoreError, the operating system's error. */
export async function readKeystore(file: string): Promise<unknown> {
  const { size } = await stat(file)
  if (size > MAX_KEYSTORE_BYTES) throw new KeystoreError('malformed', `${file} has ${size} bytes: no keystore`)
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new KeystoreError('malformed', `${file} is no JSON: no keystore`)
    throw error
  }
}

/**
 * Keeps a keystore under geth's name for it, readable by its owner alone. It appears whole and on the medium, or not at all.
 * @returns the file.
 * @throws KeystoreError `exists` if its account is there already.
 */
export async function saveKeystore(directory: string, keystore: Keystore, nowMs: number): Promise<string> {
  const existing = await findAccount(directory, fromHex(keystore.address))
  if (existing) throw new KeystoreError('exists', `0x${keystore.address} is there already, in ${existing.file}`)
  const file = join(directory, gethName(keystore.address, nowMs))
  await writePrivateFile(file, `${JSON.stringify(keystore)}\n`)
  return file
}

/** `UTC--2026-11-22T12-00-00.000000000Z--` and the address. */
function gethName(address: string, nowMs: number): string {
  const [date, milliseconds] = new Date(nowMs).toISOString().replaceAll(':', '-').split('.')
  return `UTC--${date}.${milliseconds!.slice(0, 3)}000000Z--${address}`
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function claimedAddress(file: string): Promise<Uint8Array | undefined> {
  try {
    const keystore = await readKeystore(file)
    const { address } = keystore as { readonly address?: unknown }
    return typeof address === 'string' && /^(0x)?[0-9a-fA-F]{40}$/.test(address) ? fromHex(address) : undefined
  } catch {
    // Directories, backups, what editors leave behind.
    return undefined
  }
}
