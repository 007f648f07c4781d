/** Names of the gossip topics of one network. */
export interface Topics {
  readonly transactions: string
  readonly blocks: string
  readonly headers: string
  readonly sightings: string
}

/** @param prefix  what all names of the network begin with, `/idobata/<digest>`. */
export function topicsOf(prefix: string): Topics {
  return {
    transactions: `${prefix}/tx/1`,
    blocks: `${prefix}/block/1`,
    headers: `${prefix}/header/1`,
    sightings: `${prefix}/sighting/1`,
  }
}
