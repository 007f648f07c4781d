import type { Connection, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import type { Clock } from '../../primitives/clock.ts'
import { DecodeError } from '../../primitives/errors.ts'
import { FrameParser, FrameTooLongError, requestHead, STATUS_END } from '../wire/frame.ts'
import { MAX_RESPONSE_BYTES } from '../wire/limits.ts'
import { type RequestProtocol, requestName } from '../wire/names.ts'
import { decodeRefusal, MAX_REFUSAL_BYTES, STATUS_OK } from '../wire/refusal.ts'
import { MAX_STREAMS, REQUEST_TIMEOUT_MS } from './limits.ts'
import { receive, StreamCutError } from './receive.ts'
import { RequestError } from './request-error.ts'
import { Slots } from './slots.ts'

export interface RequestClientOptions {
  /** What all names of the network begin with, `/idobata/<digest>`. */
  readonly prefix: string
}

export interface RequestClientComponents {
  readonly clock: Clock
  /** The connection to ask a peer over; undefined: there is none. */
  readonly connectionTo: (peer: string) => Connection | undefined
  /** Told of the bytes of answers as they come. */
  readonly onReceived?: (bytes: number) => void
}

export interface RequestOptions {
  /** Ends the request, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Asks peers. One stream for each request, at most two at a time per peer and protocol, ten seconds each from the opening of the
 * stream. Bytes are bounded as they come in, whatever lengths the peer names. The functions in `protocols/` give it types.
 */
export class RequestClient {
  readonly #options: RequestClientOptions
  readonly #components: RequestClientComponents
  readonly #slots = new Slots()

  constructor(options: RequestClientOptions, components: RequestClientComponents) {
    this.#options = options
    this.#components = components
  }

  /**
   * @param peer  its peer id. @param payload  the request. @param maxChunks  parts that the answer may have.
   * @param decode  what to make of the parts' payloads; DecodeError is the peer's fault.
   * @throws RequestError; the signal's reason.
   */
  async request<T>(
    peer: string,
    protocol: RequestProtocol,
    payload: Uint8Array,
    maxChunks: number,
    decode: (chunks: readonly Uint8Array[]) => T,
    { signal }: RequestOptions = {},
  ): Promise<T> {
    const leave = await this.#slots.enter(`${peer} ${protocol}`, signal)
    const ending = new AbortController()
    const abort = () => ending.abort(signal?.reason)
    const cancelTimeout = this.#components.clock.after(REQUEST_TIMEOUT_MS, () => {
      ending.abort(new RequestError('timed-out'))
    })
    signal?.addEventListener('abort', abort, { once: true })
    try {
      signal?.throwIfAborted()
      return decode(await this.#exchange(peer, protocol, payload, maxChunks, ending.signal))
    } catch (error) {
      // Whatever failed after it was ended failed because of that.
      ending.signal.throwIfAborted()
      throw asRequestError(error)
    } finally {
      signal?.removeEventListener('abort', abort)
      cancelTimeout()
      leave()
    }
  }

  /** As `request`, for an answer of one part. */
  requestOne<T>(
    peer: string,
    protocol: RequestProtocol,
    payload: Uint8Array,
    decode: (chunk: Uint8Array) => T,
    options?: RequestOptions,
  ): Promise<T> {
    const decodeOnly = ([chunk]: readonly Uint8Array[]) => {
      if (chunk === undefined) throw new DecodeError('an empty answer')
      return decode(chunk)
    }
    return this.request(peer, protocol, payload, 1, decodeOnly, options)
  }

  async #exchange(
    peer: string,
    protocol: RequestProtocol,
    payload: Uint8Array,
    maxChunks: number,
    signal: AbortSignal,
  ): Promise<Uint8Array[]> {
    const connection = this.#components.connectionTo(peer)
    if (connection === undefined) throw new RequestError('disconnected')
    const stream = await openStream(connection, requestName(this.#options.prefix, protocol), signal)
    const abort = () => stream.abort(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      // It may have come while the stream was opened.
      signal.throwIfAborted()
      const answer = receiveAnswer(stream, maxChunks, this.#components.onReceived)
      await Promise.all([answer, send(stream, payload)])
      return await answer
    } catch (error) {
      if (error instanceof StreamCutError && connection.status !== 'open') {
        throw new RequestError('disconnected', { cause: error })
      }
      throw error
    } finally {
      signal.removeEventListener('abort', abort)
      // After an answer it is closed on both sides.
      if (stream.status === 'open') stream.abort(new Error('the request has ended'))
    }
  }
}

async function openStream(connection: Connection, name: string, signal: AbortSignal): Promise<Stream> {
  try {
    return await connection.newStream(name, {
      signal,
      maxOutboundStreams: MAX_STREAMS,
      // A relayed peer answers like any other.
      runOnLimitedConnection: true,
    })
  } catch (error) {
    const { name: failure } = error as Error
    if (failure === 'UnsupportedProtocolError') throw new RequestError('unsupported', { cause: error })
    // A bound of our own.
    if (failure === 'TooManyOutboundProtocolStreamsError') throw new RequestError('busy', { cause: error })
    throw new RequestError(connection.status === 'open' ? 'reset' : 'disconnected', { cause: error })
  }
}

async function send(stream: Stream, payload: Uint8Array): Promise<void> {
  try {
    stream.send(new Uint8ArrayList(requestHead(payload.length), payload))
  } catch (error) {
    throw new StreamCutError('the stream was cut', { cause: error })
  }
  // That it could not be closed shows on the other side of the stream, with its reason.
  await stream.close().catch(() => undefined)
}

/** The payloads of an answer's chunks. @throws RequestError, DecodeError; StreamCutError if the answer does not come whole. */
async function receiveAnswer(
  stream: Stream,
  maxChunks: number,
  onReceived: ((bytes: number) => void) | undefined,
): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = []
  let receivedBytes = 0
  let ended = false
  let refusal: RequestError | undefined
  const parser = new FrameParser({
    withStatus: true,
    maxPayloadBytes: (status) => (status === STATUS_OK ? MAX_RESPONSE_BYTES : MAX_REFUSAL_BYTES),
  })
  await receive(stream, (bytes) => {
    receivedBytes += bytes.length
    onReceived?.(bytes.length)
    if (receivedBytes > MAX_RESPONSE_BYTES) throw new RequestError('too-large')
    if (ended) throw new DecodeError('bytes after the end')
    for (const { status, payload } of parser.push(bytes)) {
      if (ended) throw new DecodeError('a chunk after the end')
      ended = status !== STATUS_OK
      if (ended && status !== STATUS_END) refusal = refused(status, payload)
      if (!ended && chunks.push(payload) > maxChunks) throw new DecodeError(`more than ${maxChunks} chunks`)
    }
    if (ended && !parser.idle) throw new DecodeError('bytes after the end')
  })
  if (!ended) throw new StreamCutError('the answer breaks off')
  if (refusal !== undefined) throw refusal
  return chunks
}

function refused(status: number, payload: Uint8Array): RequestError {
  const refusal = decodeRefusal(status, payload)
  const { code } = refusal
  return new RequestError(code === 'unavailable' || code === 'not-yet' ? code : 'refused', { refusal })
}

function asRequestError(error: unknown): unknown {
  if (error instanceof FrameTooLongError) return new RequestError('too-large', { cause: error })
  if (error instanceof DecodeError) return new RequestError('malformed', { cause: error })
  if (error instanceof StreamCutError) return new RequestError('reset', { cause: error })
  return error
}
