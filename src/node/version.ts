/** The package's version: package.json's, and known where there are no files as well. A test holds the two together. */
const VERSION = '0.1.0'

export function packageVersion(): string {
  return VERSION
}

/** As `web3_clientVersion` tells it. */
export function clientVersion(): string {
  return `idobata/${VERSION}/${process.platform}-${process.arch}/node${process.versions.node}`
}

/** The same in a browser, which need not tell more of whose it is. */
export function webClientVersion(): string {
  return `idobata/${VERSION}/web/light`
}
