import { ConfigError } from '../node/config.ts'
import { toChecksumAddress } from '../wallet/address.ts'
import { decryptKeystore, KeystoreError } from '../wallet/keystore.ts'
import { findAccount, readKeystore, type StoredAccount } from '../wallet/keystore-directory.ts'
import { askPassword } from './secrets.ts'

/** @throws ConfigError if the account is not there. */
export async function requireAccount(directory: string, address: Uint8Array): Promise<StoredAccount> {
  const account = await findAccount(directory, address)
  if (account) return account
  throw new ConfigError(`${toChecksumAddress(address)} is not in ${directory}; see \`idobata account list\``)
}

/**
 * The account's private key, with its password from `passwordFile` or the terminal.
 * @throws KeystoreError that names the file.
 */
export async function unlock({ address, file }: StoredAccount, passwordFile: string | undefined): Promise<Uint8Array> {
  const keystore = await readKeystore(file)
  const password = await askPassword(passwordFile, `Password of ${toChecksumAddress(address)}:`)
  try {
    return await decryptKeystore(keystore, password)
  } catch (error) {
    if (error instanceof KeystoreError) throw new KeystoreError(error.code, `${file}: ${error.message}`)
    throw error
  }
}
