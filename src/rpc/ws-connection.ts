import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Subscriber } from './caller.ts'
import type { Connection } from './connections.ts'
import type { Dispatcher } from './dispatch.ts'
import type { HeldBytes } from './held-bytes.ts'
import { MAX_WS_BACKLOG_BYTES, MAX_WS_MESSAGES_IN_FLIGHT, WS_BACKPRESSURE_BYTES } from './limits.ts'

export interface WsConnectionComponents {
  readonly dispatcher: Dispatcher
  readonly incoming: HeldBytes
  readonly outgoing: HeldBytes
}

/** Close codes of RFC 6455. */
const GOING_AWAY = 1001
const UNSUPPORTED_DATA = 1003
/** Of pings and pongs as clients send them, masked; they may come amid the frames of a message. */
const CONTROL_FRAME_HEADER_BYTES = 6

/** One WebSocket connection: answers its messages, and is told of what it has subscribed to. */
export class WsConnection implements Subscriber {
  readonly #ws: WebSocket
  readonly #parts: WsConnectionComponents
  readonly #client: string
  readonly #closeListeners: (() => void)[] = []
  /** Came in one piece of the stream, behind more messages than are answered at a time. */
  readonly #waiting: string[] = []
  #inFlight = 0
  #draining = false
  /** Whether anything has come since the last look. */
  #alive = true
  /** Whether a message had begun and not ended at the last look. */
  #unfinished = false
  #receivedBytes = 0

  constructor(ws: WebSocket, socket: Duplex, connection: Connection, components: WsConnectionComponents) {
    this.#ws = ws
    this.#parts = components
    this.#client = connection.client
    ws.on('message', (data: Buffer, isBinary) => this.#received(data, isBinary))
    ws.on('pong', (payload: Buffer) => this.#controlled(payload))
    ws.on('ping', (payload: Buffer) => this.#controlled(payload))
    ws.on('close', () => this.#closed())
    // A malformed frame; ws closes the connection by itself.
    ws.on('error', () => {})
    // Before ws looks at it, which is when a message that ends here is told of.
    socket.prependListener('data', (chunk: Buffer) => this.#hold(this.#receivedBytes + chunk.length))
  }

  notify(message: string): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return
    if (this.#ws.bufferedAmount > MAX_WS_BACKLOG_BYTES) this.cut()
    else this.#send(message)
  }

  onClose(listener: () => void): void {
    // Calls of a batch may still begin then.
    if (this.#ws.readyState === this.#ws.CLOSED) listener()
    else this.#closeListeners.push(listener)
  }

  cut(): void {
    this.#ws.terminate()
  }

  /**
   * Ends the connection if its other end has given no sign of life since the last look, or has been sending one
   * message ever since; asks for a sign otherwise.
   */
  look(): void {
    if (!this.#alive || (this.#unfinished && this.#receivedBytes > 0)) {
      this.cut()
      return
    }
    this.#alive = false
    this.#unfinished = this.#receivedBytes > 0
    this.#ws.ping()
  }

  /** Answers what is under way and says goodbye. */
  drain(): void {
    this.#draining = true
    this.#ws.pause()
    this.#sayGoodbye()
  }

  #sayGoodbye(): void {
    if (!this.#draining || this.#inFlight > 0) return
    this.#ws.resume()
    this.#ws.close(GOING_AWAY, 'the node is stopping')
  }

  #controlled(payload: Buffer): void {
    this.#alive = true
    this.#hold(Math.max(0, this.#receivedBytes - CONTROL_FRAME_HEADER_BYTES - payload.length))
  }

  #received(data: Buffer, isBinary: boolean): void {
    this.#alive = true
    this.#hold(0)
    if (this.#draining) return
    if (isBinary) {
      this.#ws.close(UNSUPPORTED_DATA, 'JSON-RPC is text')
      return
    }
    this.#waiting.push(data.toString())
    this.#next()
  }

  /** Lets messages in as long as there is room for their answers. */
  #next(): void {
    while (!this.#draining && this.#waiting.length > 0 && this.#hasRoom()) void this.#answer(this.#waiting.shift()!)
    if (this.#draining) this.#sayGoodbye()
    else if (this.#hasRoom()) this.#ws.resume()
    else this.#ws.pause()
  }

  #hasRoom(): boolean {
    return this.#inFlight < MAX_WS_MESSAGES_IN_FLIGHT && this.#ws.bufferedAmount < WS_BACKPRESSURE_BYTES
  }

  async #answer(message: string): Promise<void> {
    this.#inFlight++
    // Of this message alone: another one's subscriptions have not been confirmed yet.
    const afterAnswer: (() => void)[] = []
    const reply = await this.#parts.dispatcher.handle(message, {
      client: this.#client,
      subscriber: this,
      afterAnswer: (action) => afterAnswer.push(action),
      isGone: () => this.#ws.readyState !== this.#ws.OPEN,
    })
    this.#inFlight--
    if (this.#ws.readyState === this.#ws.OPEN) {
      if (reply !== undefined) this.#send(reply.text)
      for (const action of afterAnswer) action()
    }
    this.#next()
  }

  #send(text: string): void {
    this.#ws.send(text, () => this.#sent())
    this.#parts.outgoing.set(this, this.#ws.bufferedAmount)
  }

  #sent(): void {
    this.#parts.outgoing.set(this, this.#ws.bufferedAmount)
    this.#next()
  }

  #hold(bytes: number): void {
    this.#receivedBytes = bytes
    this.#parts.incoming.set(this, bytes)
  }

  #closed(): void {
    this.#parts.incoming.set(this, 0)
    this.#parts.outgoing.set(this, 0)
    this.#waiting.length = 0
    for (const listener of this.#closeListeners) listener()
  }
}
