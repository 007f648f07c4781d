import type { NodeConfig } from '../node/config.ts'
import { readJwtSecret } from '../node/rpc-options.ts'
import { systemClock } from '../node/system.ts'
import { firstLine, readSecretText } from './secrets.ts'

/** What is said to a node that asks who calls, for each call anew: a signed token is stale within a minute. */
export type Token = () => Promise<string>

/** @returns undefined where nothing is to be said. @throws ConfigError if the file cannot be used; it does not show it. */
export async function createToken({
  'rpc.tokenfile': tokenFile,
  'rpc.jwtsecret': secretFile,
}: Pick<NodeConfig, 'rpc.tokenfile' | 'rpc.jwtsecret'>): Promise<Token | undefined> {
  if (tokenFile !== undefined) {
    const token = firstLine(await readSecretText(tokenFile, '--rpc.tokenfile'))
    return async () => token
  }
  if (secretFile === undefined) return undefined
  const secret = await readJwtSecret('--rpc.jwtsecret', secretFile)
  const { SignJWT } = await import('jose')
  return () =>
    new SignJWT().setProtectedHeader({ alg: 'HS256' }).setIssuedAt(new Date(systemClock.nowMs())).sign(secret)
}
