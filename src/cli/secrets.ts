import { createReadStream } from 'node:fs'
import { ConfigError } from '../node/config.ts'
import { MAX_SECRET_BYTES } from './limits.ts'

/**
 * Passwords, keys and mnemonics come from a prompt, a file or standard input (`-`): never from an argument or a variable, which
 * other users of the machine and its logs may see.
 */

/**
 * @param file  path, or `-` for standard input.
 * @param source  what errors call it: not by the path, which may be a secret that was given in a file's place.
 * @throws ConfigError
 */
export async function readSecretText(file: string, source: string): Promise<string> {
  return readBounded(file === '-' ? process.stdin : createReadStream(file), source)
}

/** The first line of the file that `--password` names, or what is typed. */
export async function askPassword(file: string | undefined, message: string): Promise<string> {
  if (file !== undefined) return firstLine(await readSecretText(file, '--password'))
  return promptHidden(message, '--password FILE')
}

/** A password for something new: typed twice, and not empty. */
export async function askNewPassword(file: string | undefined): Promise<string> {
  const password = await askPassword(file, 'New password:')
  if (password === '') throw new ConfigError('the password is empty')
  if (file === undefined && (await promptHidden('The same again:', '--password FILE')) !== password) {
    throw new ConfigError('the two passwords differ')
  }
  return password
}

/** @param otherwise  what to give where there is no terminal. */
export async function promptHidden(message: string, otherwise: string): Promise<string> {
  requireTerminal(otherwise)
  const { default: password } = await import('@inquirer/password')
  // The prompt is no data: standard output stays clean.
  return password({ message, mask: '•' }, { output: process.stderr })
}

export async function confirm(message: string): Promise<boolean> {
  requireTerminal('--yes')
  const { default: ask } = await import('@inquirer/confirm')
  return ask({ message, default: false }, { output: process.stderr })
}

function requireTerminal(otherwise: string): void {
  if (process.stdin.isTTY && process.stderr.isTTY) return
  throw new ConfigError(`there is no terminal to ask on; give ${otherwise}`)
}

export function firstLine(text: string): string {
  return text.split(/\r?\n/, 1)[0]!
}

/** Reads to the end: what looks like a file may be a pipe. */
async function readBounded(input: AsyncIterable<Buffer>, source: string): Promise<string> {
  let bytes = Buffer.alloc(0)
  try {
    for await (const chunk of input) {
      bytes = Buffer.concat([bytes, chunk])
      if (bytes.length > MAX_SECRET_BYTES) break
    }
  } catch (error) {
    throw new ConfigError(`${source}: the file cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
  if (bytes.length > MAX_SECRET_BYTES) throw new ConfigError(`${source}: longer than ${MAX_SECRET_BYTES} bytes`)
  return bytes.toString('utf8')
}
