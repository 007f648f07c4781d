import type { Socket } from 'node:net'
import { clientOf, isLoopback } from './addresses.ts'
import { MAX_CONNECTIONS_PER_CLIENT } from './limits.ts'

/** A socket, and who is at its other end. */
export interface Connection {
  /** As `clientOf` says. */
  readonly client: string
  /** HTTP requests of it that are being answered. */
  requests: number
  /** Whether it has been closed from either side. */
  isGone(): boolean
  cut(): void
}

/** The open sockets, counted by client. */
export class Connections {
  readonly #bySocket = new WeakMap<Socket, Connection>()
  readonly #counts = new Map<string, number>()

  /** Takes up a new socket, or ends it where its client has too many. */
  accept(socket: Socket): void {
    const client = clientOf(socket.remoteAddress)
    const count = (this.#counts.get(client) ?? 0) + 1
    if (count > MAX_CONNECTIONS_PER_CLIENT && !isLoopback(client)) {
      socket.destroy()
      return
    }
    this.#counts.set(client, count)
    socket.once('close', () => this.#release(client))
    this.#bySocket.set(socket, { client, requests: 0, isGone: () => socket.destroyed, cut: () => socket.destroy() })
  }

  /** undefined: it was not accepted. */
  of(socket: Socket): Connection | undefined {
    return this.#bySocket.get(socket)
  }

  #release(client: string): void {
    const left = (this.#counts.get(client) ?? 0) - 1
    if (left > 0) this.#counts.set(client, left)
    else this.#counts.delete(client)
  }
}
