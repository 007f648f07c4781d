import { join } from 'node:path'
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { createSecret, readSecret } from './secret-file.ts'

/**
 * Who this node is among its peers: an Ed25519 key, made at the first start and kept in `nodekey`, so that a restart neither
 * loses the standing that it has with others nor breaks the addresses that they know.
 * @throws ConfigError if the file holds no key.
 */
export async function loadNodeKey(datadir: string): Promise<PrivateKey> {
  const file = join(datadir, 'nodekey')
  return generateKeyPairFromSeed('Ed25519', (await readSecret(file)) ?? (await createSecret(file)))
}
