import { type Command, Option } from 'commander'
import { ConfigError, type Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { wholeNumber } from '../node/setting-values.ts'
import { systemClock } from '../node/system.ts'
import { fromHex, toHex } from '../primitives/bytes.ts'
import { parseAddress, toChecksumAddress } from '../wallet/address.ts'
import { decryptKeystore, encryptKeystore, generatePrivateKey } from '../wallet/keystore.ts'
import { listAccounts, saveKeystore } from '../wallet/keystore-directory.ts'
import { isPrivateKey } from '../wallet/signing.ts'
import { argument } from './arguments.ts'
import { addExamples, addJsonOption, addOptions, addPasswordOption } from './options.ts'
import { printJson, printTable } from './output.ts'
import { askNewPassword, askPassword, promptHidden, readSecretText } from './secrets.ts'
import { requireAccount, unlock } from './unlock.ts'

/** BIP-32: the indexes that are not hardened. */
const MAX_ACCOUNT_INDEX = 2 ** 31 - 1

export function build(command: Command): void {
  const create = command
    .command('new')
    .description('make an account, its key encrypted with a password')
    .option('--mnemonic', 'derive the key from twelve words, which are shown once')
    .action(runNew)
  addExamples(create, 'idobata account new', 'idobata account new --mnemonic', 'idobata account new --password FILE')

  const bring = command
    .command('import')
    .description('encrypt a key that there is already, and keep it')
    .argument('[file]', 'private key in hex (as miner.key), mnemonic, or keystore; - for standard input (default: ask)')
    .addOption(indexOption())
    .action(runImport)
  addExamples(bring, 'idobata account import ~/.idobata/miner.key', 'idobata account import --index 1')

  const list = command.command('list').description('list the accounts').action(runList)
  addExamples(list, 'idobata account list --json')

  const reveal = command
    .command('export')
    .description('print the private key of an account: whoever sees it owns the coins')
    .argument('<address>', 'account whose key to decrypt')
    .action(runExport)
  addExamples(reveal, 'idobata account export 0x70997970C51812dc3A010C7d01b50e0d17dc79C8')

  for (const subcommand of [create, bring, reveal]) addPasswordOption(subcommand)
  for (const subcommand of [create, bring, list, reveal]) {
    addOptions(subcommand, ['datadir', 'config', 'dev', 'keystore'])
    addJsonOption(subcommand)
  }
}

function indexOption(): Option {
  return new Option('--index <number>', 'which account of a mnemonic, in the path of BIP-44').default('0')
}

async function runNew(flags: Flags): Promise<void> {
  const { keystore: directory } = await loadConfig(flags, process.env)
  const password = await askNewPassword(text(flags.password))
  if (!flags.mnemonic) return keep(directory, generatePrivateKey(), password, flags)
  const { createMnemonic, deriveAccount } = await import('../wallet/mnemonic.ts')
  const mnemonic = createMnemonic()
  await keep(directory, await deriveAccount(mnemonic, 0), password, flags, mnemonic)
}

async function runImport(file: string | undefined, flags: Flags): Promise<void> {
  const { keystore: directory } = await loadConfig(flags, process.env)
  const index = argument('--index', () => wholeNumber(0, MAX_ACCOUNT_INDEX)(String(flags.index)))
  if (file === '-' && flags.password === '-') {
    throw new ConfigError('--password: standard input brings the key already; give a file')
  }
  const source = file === undefined ? 'what was typed' : 'file'
  const secret = (
    file === undefined ? await promptHidden('Private key or mnemonic:', 'a FILE') : await readSecretText(file, source)
  ).trim()
  if (secret.startsWith('{')) {
    const password = await askPassword(text(flags.password), 'Password of the keystore:')
    return keep(directory, await decryptKeystore(parseJson(secret, source), password), password, flags)
  }
  const privateKey = await parseKey(secret, index, source)
  await keep(directory, privateKey, await askNewPassword(text(flags.password)), flags)
}

async function parseKey(secret: string, index: number, source: string): Promise<Uint8Array> {
  if (/^(0x)?[0-9a-fA-F]{64}$/.test(secret)) {
    const privateKey = fromHex(secret)
    if (!isPrivateKey(privateKey)) throw new ConfigError(`${source}: no key of secp256k1`)
    return privateKey
  }
  if (!/^[a-zA-Z]+(\s+[a-zA-Z]+){11,}$/.test(secret)) {
    throw new ConfigError(`${source}: neither a private key (64 hex digits), nor a mnemonic, nor a keystore`)
  }
  const { deriveAccount } = await import('../wallet/mnemonic.ts')
  try {
    return await deriveAccount(secret, index)
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError(`${source}: ${error.message}`)
    throw error
  }
}

function parseJson(secret: string, source: string): unknown {
  try {
    return JSON.parse(secret)
  } catch {
    // What the parser says would repeat a part of it.
    throw new ConfigError(`${source}: no JSON`)
  }
}

async function keep(
  directory: string,
  privateKey: Uint8Array,
  password: string,
  flags: Flags,
  mnemonic?: string,
): Promise<void> {
  const keystore = await encryptKeystore(privateKey, password)
  const file = await saveKeystore(directory, keystore, systemClock.nowMs())
  const address = toChecksumAddress(fromHex(keystore.address))
  if (flags.json) return printJson({ address, file, ...(mnemonic !== undefined && { mnemonic }) })
  printTable([['address', address], ['file', file], ...(mnemonic === undefined ? [] : [['mnemonic', mnemonic]])])
  const keepSafe = mnemonic === undefined ? 'the file and its password' : 'the twelve words, which are not shown again'
  process.stderr.write(`Keep ${keepSafe}: nobody can restore them, and whoever has them owns the coins.\n`)
}

async function runList(flags: Flags): Promise<void> {
  const { keystore } = await loadConfig(flags, process.env)
  const accounts = (await listAccounts(keystore)).map(({ address, file }) => ({
    address: toChecksumAddress(address),
    file,
  }))
  if (flags.json) return printJson(accounts)
  if (accounts.length === 0) process.stderr.write(`No accounts in ${keystore}; \`idobata account new\` makes one.\n`)
  printTable(accounts.map(({ address, file }) => [address, file]))
}

async function runExport(account: string, flags: Flags): Promise<void> {
  const { keystore } = await loadConfig(flags, process.env)
  const address = argument('address', () => parseAddress(account))
  const privateKey = toHex(await unlock(await requireAccount(keystore, address), text(flags.password)))
  if (flags.json) printJson({ address: toChecksumAddress(address), privateKey })
  else process.stdout.write(`${privateKey}\n`)
}

function text(flag: Flags[string]): string | undefined {
  return typeof flag === 'string' ? flag : undefined
}
