import type { Stream } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Host } from '../../src/p2p/host.ts'
import { receive } from '../../src/p2p/reqresp/receive.ts'
import { ANSWER_END, chunkHead, requestHead } from '../../src/p2p/wire/frame.ts'
import { type RequestProtocol, requestName } from '../../src/p2p/wire/names.ts'
import { STATUS_OK } from '../../src/p2p/wire/refusal.ts'
import { concatBytes } from '../../src/primitives/bytes.ts'
import { PREFIX } from './test-host.ts'

/** How a stream went that an adversary opened. */
export interface Outcome {
  /** What the other side sent. */
  readonly bytes: Uint8Array
  /** Whether the other side closed it or cut it off. */
  readonly ending: 'closed' | 'cut'
}

/** Whoever can be called. */
export interface Callee {
  getMultiaddrs(): Multiaddr[]
}

/** A peer that speaks libp2p correctly and everything above it as it is told. */
export class Adversary {
  readonly host: Host
  readonly #prefix: string

  /** @param host  started. @param prefix  of the network's protocol names. */
  constructor(host: Host, prefix: string = PREFIX) {
    this.host = host
    this.#prefix = prefix
  }

  get peer(): string {
    return this.host.peerId.toString()
  }

  /** A stream on which nothing has been said yet, over the connection to `victim`, which is made if there is none. */
  open(victim: Callee, protocol: RequestProtocol): Promise<Stream> {
    return this.openNamed(victim, requestName(this.#prefix, protocol))
  }

  /** The same, of any protocol. */
  async openNamed(victim: Callee, name: string): Promise<Stream> {
    const connection = await this.host.dial(victim.getMultiaddrs())
    return connection.newStream(name, { maxOutboundStreams: 1000, signal: AbortSignal.timeout(120_000) })
  }

  /** Sends `bytes` as they are, closes its side, and waits for what becomes of it. */
  async say(victim: Callee, protocol: RequestProtocol, bytes: Uint8Array): Promise<Outcome> {
    const stream = await this.open(victim, protocol)
    const outcome = outcomeOf(stream)
    try {
      stream.send(bytes)
      await stream.close()
    } catch {
      // It was cut off before all was said.
    }
    return outcome
  }

  /** Does `script` to every stream that others open to ask something, after what they ask has come. */
  async answer(protocol: RequestProtocol, script: (stream: Stream) => unknown): Promise<void> {
    await this.host.handle(
      requestName(this.#prefix, protocol),
      async (stream) => {
        await receive(stream, () => undefined)
        try {
          await script(stream)
        } catch {
          // The other side has gone.
        }
      },
      { maxInboundStreams: 1000, force: true },
    )
  }
}

/** What comes on a stream until it ends. */
export async function outcomeOf(stream: Stream): Promise<Outcome> {
  const parts: Uint8Array[] = []
  const ending = await receive(stream, (bytes) => parts.push(bytes.slice())).then(
    () => 'closed' as const,
    () => 'cut' as const,
  )
  return { bytes: concatBytes(...parts), ending }
}

/** A request as it stands in its stream. */
export function requestFrame(payload: Uint8Array): Uint8Array {
  return concatBytes(requestHead(payload.length), payload)
}

/** A whole answer as it stands in its stream. */
export function answerOf(...payloads: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...payloads.map((payload) => chunk(STATUS_OK, payload)), ANSWER_END)
}

/** A chunk of an answer as it stands in its stream. */
export function chunk(status: number, payload: Uint8Array): Uint8Array {
  return concatBytes(chunkHead(status, payload.length), payload)
}
