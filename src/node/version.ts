import { readFileSync } from 'node:fs'

/** The package's version. */
export function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return (manifest as { readonly version: string }).version
}

/** As `web3_clientVersion` tells it. */
export function clientVersion(): string {
  return `idobata/${packageVersion()}/${process.platform}-${process.arch}/node${process.versions.node}`
}
