import { randomBytes } from 'node:crypto'
import type { Genesis } from '../chain/genesis.ts'
import type { BlockSigner } from '../consensus/poa.ts'
import { signHash } from '../crypto/noble.ts'
import { NonceSearcher } from '../miner/nonce-search.ts'
import { bigintToBytes, concatBytes, equalBytes, toHex } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { ConfigError } from './config.ts'
import { devSigner } from './dev.ts'
import { readEngineSettings } from './engine.ts'
import { createMinerKey, type MinerKey, minerKeyFile, readMinerKey } from './miner-key.ts'

export interface MiningOptions {
  /** 20 bytes: where rewards go; undefined: to the account of the key in the data directory. Not for `poa`. */
  readonly etherbase?: Uint8Array | undefined
  /** Threads that search for proof of work. */
  readonly threads: number
}

/** What an engine needs to seal, and where its rewards go. */
export interface Mining {
  /** 20 bytes. */
  readonly coinbase: Uint8Array
  readonly signer: BlockSigner | undefined
  readonly searcher: NonceSearcher | undefined
  /** For the operator: which account, and where its key is. */
  readonly description: string
}

export interface MiningContext {
  readonly datadir: string
  readonly genesis: Genesis
  readonly dev: boolean
}

/** @throws ConfigError if this node may not seal on the network. */
export async function prepareMining(
  { etherbase, threads }: MiningOptions,
  { datadir, genesis, dev }: MiningContext,
  { clock }: { readonly clock: Clock },
): Promise<Mining> {
  const settings = readEngineSettings(genesis)
  if (settings.name === 'poa') {
    if (etherbase) throw new ConfigError("--miner.etherbase: on this network a block's tips go to its signer")
    const key = dev ? devSigner() : await signerKey(datadir, settings.signers)
    const description = `sealing as ${toHex(key.address)}`
    return { coinbase: key.address, signer: blockSigner(key), searcher: undefined, description }
  }
  const { coinbase, description } = etherbase
    ? { coinbase: etherbase, description: `mining for ${toHex(etherbase)}` }
    : await ownAccount(datadir)
  return { coinbase, description, signer: undefined, searcher: new NonceSearcher({ threads }, { clock, randomBytes }) }
}

async function ownAccount(datadir: string): Promise<Pick<Mining, 'coinbase' | 'description'>> {
  const known = await readMinerKey(datadir)
  const { address, file } = known ?? (await createMinerKey(datadir))
  const place = known ? `its key is in ${file}` : `an account made just now; keep its key, ${file}`
  return { coinbase: address, description: `mining for ${toHex(address)}, ${place}` }
}

async function signerKey(datadir: string, signers: readonly Uint8Array[]): Promise<MinerKey> {
  const key = await readMinerKey(datadir)
  if (!key) {
    throw new ConfigError(
      `${minerKeyFile(datadir)}: missing; to make blocks on this network takes the key of a signer there`,
    )
  }
  if (!signers.some((signer) => equalBytes(signer, key.address))) {
    throw new ConfigError(`${key.file}: its account ${toHex(key.address)} is not among the signers of the genesis`)
  }
  return key
}

function blockSigner({ address, privateKey }: Pick<MinerKey, 'address' | 'privateKey'>): BlockSigner {
  return {
    address,
    signHash(hash) {
      const { r, s, yParity } = signHash(hash, privateKey)
      return concatBytes(bigintToBytes(r, 32), bigintToBytes(s, 32), Uint8Array.of(yParity))
    },
  }
}
