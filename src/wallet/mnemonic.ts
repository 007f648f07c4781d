import { HDKey } from '@scure/bip32'
import { generateMnemonic, mnemonicToSeed, validateMnemonic } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'

/** 128 bits, as hard to guess as a key of secp256k1: twelve words, which every wallet takes. */
const ENTROPY_BITS = 128

/** Twelve English words from the operating system's randomness. Source: BIP-39. */
export function createMnemonic(): string {
  return generateMnemonic(wordlist, ENTROPY_BITS)
}

/**
 * The private key, 32 bytes, of the account that wallets show at `index`. Source: BIP-32, BIP-39 and BIP-44.
 * @throws RangeError that repeats none of the words.
 * Cost: 2,048 rounds of HMAC-SHA512, some tens of milliseconds.
 */
export async function deriveAccount(mnemonic: string, index: number): Promise<Uint8Array> {
  const words = mnemonic.trim().toLowerCase().split(/\s+/)
  const unknown = words.findIndex((word) => !wordlist.includes(word))
  if (unknown >= 0) throw new RangeError(`word ${unknown + 1} of the mnemonic is not in the English list of BIP-39`)
  const phrase = words.join(' ')
  if (!validateMnemonic(phrase, wordlist)) {
    throw new RangeError('the mnemonic has a wrong count of words or a wrong checksum: a word is missing or mistyped')
  }
  const { privateKey } = HDKey.fromMasterSeed(await mnemonicToSeed(phrase)).derive(`m/44'/60'/0'/0/${index}`)
  // Absent only in a tree of public keys.
  return privateKey!
}
