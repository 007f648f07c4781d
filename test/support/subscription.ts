/** Hears what a node announces over WebSocket, from now on. */
export class Subscription {
  readonly #socket: WebSocket

  private constructor(socket: WebSocket) {
    this.#socket = socket
  }

  /** @param url  of its JSON-RPC over HTTP, which has WebSocket on the same port. */
  static async open(url: string, name: string, hear: (item: unknown) => void): Promise<Subscription> {
    const socket = new WebSocket(url.replace('http', 'ws'))
    const ready = Promise.withResolvers<void>()
    socket.addEventListener('error', () => ready.reject(new Error(`no subscription at ${url}`)))
    socket.addEventListener('open', () => {
      socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: [name] }))
    })
    socket.addEventListener('message', ({ data }) => {
      const { id, params } = JSON.parse(String(data))
      if (id === 1) ready.resolve()
      else hear(params.result)
    })
    await ready.promise
    return new Subscription(socket)
  }

  close(): void {
    this.#socket.close()
  }
}
