import { yamux } from '@chainsafe/libp2p-yamux'
import type { MessageStream, StreamMuxerFactory } from '@libp2p/interface'
import { MAX_FRAMES_UNANSWERED, MAX_UNSENT_FRAME_BYTES, YAMUX_LIMITS } from './limits.ts'

/** Bytes before the payload of each frame: version, type, flags, stream, length. */
const HEAD_BYTES = 12
const DATA = 0

/**
 * yamux, with an end to what it holds of a peer. By itself it gathers a frame whole before it looks at it, of up to 4 GiB, whatever
 * the stream's window is; and keeps what it has to answer (each ping, each frame of data) for as long as the peer reads nothing.
 */
export function boundedYamux(): () => StreamMuxerFactory {
  return () => {
    const factory = yamux(YAMUX_LIMITS)()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (connection) => {
      boundConnection(connection)
      return create(connection)
    }
    return factory
  }
}

/** What is beneath a muxer, as far as it is bounded here. */
export type BoundedConnection = Pick<
  MessageStream,
  'maxWriteBufferLength' | 'writeBufferLength' | 'addEventListener' | 'abort'
>

/** To be called before the muxer listens: what is too much never gets to it whole. */
export function boundConnection(connection: BoundedConnection): void {
  connection.maxWriteBufferLength = MAX_UNSENT_FRAME_BYTES
  const frames = new FrameLengths(YAMUX_LIMITS.streamOptions.maxStreamWindowSize)
  let unanswered = 0
  connection.addEventListener('message', ({ data }) => {
    let begun = 0
    for (const bytes of data instanceof Uint8Array ? [data] : data) {
      const count = frames.take(bytes)
      if (count === undefined) {
        connection.abort(new Error('a frame beyond any window'))
        return
      }
      begun += count
    }
    unanswered = connection.writeBufferLength === 0 ? begun : unanswered + begun
    if (unanswered > MAX_FRAMES_UNANSWERED) connection.abort(new Error('answers that are not read'))
  })
}

/** Follows the frames in what comes over a connection, in pieces of any size. */
export class FrameLengths {
  readonly #most: number
  readonly #head = new Uint8Array(HEAD_BYTES)
  #headBytes = 0
  #payloadLeft = 0

  /** @param most  bytes that a frame may carry. */
  constructor(most: number) {
    this.#most = most
  }

  /** @returns how many frames begin in `bytes`; undefined: one that carries too much. */
  take(bytes: Uint8Array): number | undefined {
    let begun = 0
    for (let at = 0; at < bytes.length; ) {
      if (this.#payloadLeft > 0) {
        const taken = Math.min(this.#payloadLeft, bytes.length - at)
        this.#payloadLeft -= taken
        at += taken
        continue
      }
      const part = bytes.subarray(at, at + HEAD_BYTES - this.#headBytes)
      this.#head.set(part, this.#headBytes)
      this.#headBytes += part.length
      at += part.length
      if (this.#headBytes < HEAD_BYTES) break
      this.#headBytes = 0
      begun++
      // Of all other frames the length is no length.
      if (this.#head[1] !== DATA) continue
      this.#payloadLeft = new DataView(this.#head.buffer).getUint32(8)
      if (this.#payloadLeft > this.#most) return undefined
    }
    return begun
  }
}
