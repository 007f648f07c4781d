import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'

/** Between two nodes on loopback: passes everything on as it is, and keeps what it has seen. */
export class RecordingProxy {
  readonly #seen: Uint8Array[] = []
  readonly #close: (() => void)[] = []
  #port = 0

  /** @param port  where whoever is called listens. */
  static async start(protocol: 'tcp' | 'udp', port: number): Promise<RecordingProxy> {
    const proxy = new RecordingProxy()
    proxy.#port = await (protocol === 'tcp' ? proxy.#startTcp(port) : proxy.#startUdp(port))
    return proxy
  }

  get port(): number {
    return this.#port
  }

  /** All that has passed, in either direction. */
  get seen(): Buffer {
    return Buffer.concat(this.#seen)
  }

  stop(): void {
    for (const close of this.#close) close()
  }

  async #startTcp(port: number): Promise<number> {
    const server: Server = createServer((near) => {
      const far = connect(port, '127.0.0.1')
      this.#close.push(() => near.destroy())
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        from.on('data', (bytes) => {
          this.#seen.push(bytes)
          to.write(bytes)
        })
        from.on('close', () => to.destroy()).on('error', () => to.destroy())
      }
    }).listen(0, '127.0.0.1')
    this.#close.push(() => server.close())
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  async #startUdp(port: number): Promise<number> {
    const near = createSocket('udp4')
    /** A socket for each caller, so that answers find their way. */
    const far = new Map<number, Socket>()
    this.#close.push(() => {
      near.close()
      for (const socket of far.values()) socket.close()
    })
    near.on('message', (bytes, caller) => {
      let socket = far.get(caller.port)
      if (socket === undefined) {
        socket = createSocket('udp4')
        socket.on('message', (answer) => {
          this.#seen.push(answer)
          near.send(answer, caller.port, caller.address)
        })
        far.set(caller.port, socket)
      }
      this.#seen.push(bytes)
      socket.send(bytes, port, '127.0.0.1')
    })
    near.bind(0, '127.0.0.1')
    await once(near, 'listening')
    return near.address().port
  }
}
