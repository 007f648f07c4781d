import { MemoryDatastore } from 'datastore-core'
import { Key } from 'interface-datastore'
import { MAX_STORED_PEERS } from './limits.ts'

/** Where libp2p's peer store keeps its records. */
const PEERS = '/peers/'
/** Where the DHT keeps what strangers hand it: nothing of it is of use to us, we find peers with it and no more. */
const DHT = '/dht/'

/**
 * libp2p's memory with an end. By itself it holds whatever any peer tells of any other, for hours. The peer records written
 * longest ago go first, save those of peers that are connected.
 */
export class BoundedDatastore extends MemoryDatastore {
  readonly #connected: () => ReadonlySet<string>
  /** Keys of peer records, the one written longest ago first. */
  readonly #peers = new Set<string>()

  /** @param connected  keys of the records of connected peers. */
  constructor(connected: () => ReadonlySet<string>) {
    super()
    this.#connected = connected
  }

  override put(key: Key, value: Uint8Array): Key {
    const name = key.toString()
    if (name.startsWith(DHT)) return key
    if (name.startsWith(PEERS)) {
      this.#peers.delete(name)
      this.#peers.add(name)
      if (this.#peers.size > MAX_STORED_PEERS) this.#forgetOldest()
    }
    return super.put(key, value) as Key
  }

  override delete(key: Key): void {
    this.#peers.delete(key.toString())
    super.delete(key)
  }

  /** A tenth at once, so that a flood does not have the connected ones counted with every record. */
  #forgetOldest(): void {
    const connected = this.#connected()
    let left = Math.ceil(MAX_STORED_PEERS / 10)
    for (const name of this.#peers) {
      if (connected.has(name)) continue
      this.delete(new Key(name))
      if (--left === 0) return
    }
  }
}
