import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A stretch of cable between two ports of this machine: bytes take their time in it, and it can be cut. */
export class Link {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #cut = false

  private constructor(server: Server) {
    this.#server = server
  }

  /** @param port  where it leads to. @param latencyMs  what bytes take, either way. */
  static async lay(port: number, latencyMs: number): Promise<Link> {
    const link: Link = new Link(createServer((near) => link.#join(near, port, latencyMs)))
    link.#server.listen(0, '127.0.0.1')
    await once(link.#server, 'listening')
    return link
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends what goes through it, and lets nothing through from then on. */
  cut(): void {
    this.#cut = true
    for (const socket of this.#sockets) socket.destroy()
  }

  restore(): void {
    this.#cut = false
  }

  close(): void {
    this.cut()
    this.#server.close()
  }

  #join(near: Socket, port: number, latencyMs: number): void {
    if (this.#cut) {
      near.destroy()
      return
    }
    const far = connect(port, '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from)
      // Timers of one length fire in the order in which they were set.
      from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), latencyMs))
      from.on('end', () => setTimeout(() => to.end(), latencyMs))
      from.on('error', () => undefined)
      from.on('close', () => {
        this.#sockets.delete(from)
        setTimeout(() => to.destroy(), latencyMs)
      })
    }
  }
}
