/** Names of the gossip topics of one network. */
export interface Topics {
  readonly tx: string
  readonly block: string
  readonly header: string
  readonly sighting: string
}

/** @param prefix  what all names of the network begin with, `/idobata/<digest>`. */
export function topicsOf(prefix: string): Topics {
  return {
    tx: `${prefix}/tx/1`,
    block: `${prefix}/block/1`,
    header: `${prefix}/header/1`,
    sighting: `${prefix}/sighting/1`,
  }
}
