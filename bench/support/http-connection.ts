import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

const END_OF_HEAD = '\r\n\r\n'

/**
 * Posts JSON over one connection, a message at a time. It knows of HTTP what a node's answers need and no more: a client
 * that does all of it takes as much of the cores as a tenth of what it measures.
 */
export class HttpConnection {
  readonly #socket: Socket
  #answered: ((text: string) => void) | undefined
  #failed: ((error: Error) => void) | undefined
  #received: Buffer[] = []
  /** Bytes of `#received`, and of the whole answer once its head is there. */
  #size = 0
  #expected = Number.POSITIVE_INFINITY

  static async open(url: string): Promise<HttpConnection> {
    const { hostname, port } = new URL(url)
    const socket = connect({ host: hostname, port: Number(port), noDelay: true })
    await once(socket, 'connect')
    return new HttpConnection(socket)
  }

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#failed?.(error))
    socket.on('close', () => this.#failed?.(new Error('the node has closed the connection')))
  }

  /** @param request  by `encodePost`. @returns the answer's body. @throws AssertionError unless its status is 200. */
  post(request: Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve
      this.#failed = reject
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#size += chunk.length
    if (this.#expected === Number.POSITIVE_INFINITY) this.#readHead()
    if (this.#size < this.#expected) return
    const answer = Buffer.concat(this.#received)
    this.#received = []
    this.#size = 0
    this.#expected = Number.POSITIVE_INFINITY
    const end = answer.indexOf(END_OF_HEAD) + END_OF_HEAD.length
    const text = answer.toString('latin1', end)
    if (answer.toString('latin1', 0, end).startsWith('HTTP/1.1 200 ')) this.#answered?.(text)
    else this.#failed?.(new assert.AssertionError({ message: text }))
  }

  #readHead(): void {
    const received = Buffer.concat(this.#received)
    const end = received.indexOf(END_OF_HEAD)
    if (end === -1) return
    const length = /content-length: (\d+)/i.exec(received.toString('latin1', 0, end))?.[1]
    assert(length !== undefined, 'the answer has no length')
    this.#expected = end + END_OF_HEAD.length + Number(length)
  }
}

/** The bytes of a request whose body is `json`. */
export function encodePost(url: string, json: string): Buffer {
  const { host } = new URL(url)
  const head = `POST / HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${json.length}`
  return Buffer.from(`${head}${END_OF_HEAD}${json}`)
}
