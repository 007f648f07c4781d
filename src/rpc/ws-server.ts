import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import type { Clock } from '../primitives/clock.ts'
import type { Connection } from './connections.ts'
import { MAX_WS_MESSAGE_BYTES, WS_PING_INTERVAL_MS } from './limits.ts'
import { WsConnection, type WsConnectionComponents } from './ws-connection.ts'

/** The WebSocket connections of a server; HTTP hands them over once it has judged their upgrade. */
export class WsServer {
  readonly #parts: WsConnectionComponents
  readonly #clock: Clock
  readonly #handshake = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_WS_MESSAGE_BYTES,
    // A compressed message can be a thousand times what its sender has paid for, and every connection's window costs memory.
    perMessageDeflate: false,
  })
  readonly #connections = new Set<WsConnection>()
  #cancelLook: (() => void) | undefined

  constructor({ clock, ...parts }: WsConnectionComponents & { readonly clock: Clock }) {
    this.#parts = parts
    this.#clock = clock
  }

  get connections(): number {
    return this.#connections.size
  }

  start(): void {
    this.#cancelLook = this.#clock.after(WS_PING_INTERVAL_MS, () => {
      for (const connection of this.#connections) connection.look()
      this.start()
    })
  }

  /** Answers a malformed upgrade by itself. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, from: Connection): void {
    this.#handshake.handleUpgrade(request, socket, head, (ws) => {
      const connection = new WsConnection(ws, socket, from, this.#parts)
      this.#connections.add(connection)
      connection.onClose(() => this.#connections.delete(connection))
    })
  }

  /** Answers what is under way and closes every connection with 1001; whoever does not answer that is left to `cut`. */
  drain(): void {
    this.#cancelLook?.()
    for (const connection of this.#connections) connection.drain()
  }

  cut(): void {
    for (const connection of this.#connections) connection.cut()
  }
}
