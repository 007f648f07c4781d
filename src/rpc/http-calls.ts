import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { Allowance } from './allowances.ts'
import type { Connection, Connections } from './connections.ts'
import type { Dispatcher, Reply } from './dispatch.ts'
import { errorText, limitExceeded } from './errors.ts'
import { type Eventually, whenThere } from './eventually.ts'
import type { Gate } from './gate.ts'
import type { HeldBytes } from './held-bytes.ts'
import { MAX_BODY_BYTES, MAX_PIPELINED_REQUESTS } from './limits.ts'

export interface HttpCallsComponents {
  readonly dispatcher: Dispatcher
  readonly gate: Gate
  readonly connections: Connections
  readonly allowance: Allowance | undefined
  readonly incoming: HeldBytes
  readonly outgoing: HeldBytes
}

/**
 * JSON-RPC over HTTP: a POST with a body of `application/json`. Written against Node's own server, since of all that a
 * framework does for a request nothing is needed here, and most requests ask for less than that would cost.
 */
export class HttpCalls {
  readonly #parts: HttpCallsComponents

  constructor(components: HttpCallsComponents) {
    this.#parts = components
  }

  /** Never throws. The gate has judged where the request comes from. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#parts.connections.of(request.socket)
    if (connection === undefined) return
    if (connection.requests === MAX_PIPELINED_REQUESTS) {
      connection.cut()
      return
    }
    connection.requests++
    void whenThere(this.#answer(request, response, connection), () => {
      connection.requests--
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse, connection: Connection): Eventually<void> {
    const { gate, allowance, dispatcher } = this.#parts
    const { origin } = request.headers
    const cors = origin !== undefined && gate.shares(origin) ? corsHeaders(origin) : {}
    if (!isJson(request.headers['content-type'])) {
      // JSON alone: a page may send `text/plain` to any address without the browser asking first.
      return sendText(response, 415, 'invalid content type, only application/json is supported', cors)
    }
    return whenThere(gate.authenticate(request.headers), (stranger) => {
      if (stranger) return sendText(response, stranger.status, stranger.reason, cors)
      const refusal = allowance?.take(connection.client, 0)
      if (refusal) {
        const text = errorText(null, limitExceeded(refusal.reason))
        return this.#send(response, connection, cors, { text, waitSec: refusal.waitSec })
      }
      return this.#read(request, connection).then((body) => {
        if (body === 'gone') return undefined
        if (body === 'too long') return refuseBody(response, cors)
        const send = (reply: Reply | undefined) => this.#send(response, connection, cors, reply)
        return whenThere(dispatcher.handle(body, connection), send)
      })
    })
  }

  #read(request: IncomingMessage, connection: Connection): Promise<Buffer | 'too long' | 'gone'> {
    const { incoming } = this.#parts
    if (Number(request.headers['content-length']) > MAX_BODY_BYTES) return Promise.resolve('too long')
    if (request.destroyed) return Promise.resolve('gone')
    return new Promise((resolve) => {
      let chunks: Buffer[] | undefined = []
      let size = 0
      const finish = (body: Buffer | 'too long' | 'gone') => {
        if (chunks === undefined) return
        chunks = undefined
        incoming.add(connection, -size)
        resolve(body)
      }
      request.on('data', (chunk: Buffer) => {
        if (chunks === undefined) return
        size += chunk.length
        chunks.push(chunk)
        incoming.add(connection, chunk.length)
        if (size > MAX_BODY_BYTES) finish('too long')
      })
      request.on('end', () => finish(chunks?.length === 1 ? chunks[0]! : Buffer.concat(chunks ?? [])))
      request.on('close', () => finish('gone'))
    })
  }

  #send(response: ServerResponse, connection: Connection, cors: OutgoingHttpHeaders, reply: Reply | undefined): void {
    const { outgoing } = this.#parts
    if (reply === undefined) {
      response.writeHead(204, cors).end()
      return
    }
    const headers: OutgoingHttpHeaders = { ...cors, 'content-type': 'application/json' }
    const sizeBytes = Buffer.byteLength(reply.text)
    headers['content-length'] = sizeBytes
    if (reply.waitSec !== undefined) headers['retry-after'] = `${reply.waitSec}`
    // As many bytes as characters: ASCII, which is written quicker where it is called latin1.
    const encoding = sizeBytes === reply.text.length ? 'latin1' : 'utf8'
    response.writeHead(reply.waitSec === undefined ? 200 : 429, headers).end(reply.text, encoding)
    // Mostly the system takes all of it at once; what is left is held until the client has read it.
    if (response.socket?.writableLength === 0) return
    outgoing.add(connection, sizeBytes)
    response.once('close', () => outgoing.add(connection, -sizeBytes))
  }
}

/** A page of a shared origin may read the answer. */
export function corsHeaders(origin: string): OutgoingHttpHeaders {
  return { 'access-control-allow-origin': origin, vary: 'Origin' }
}

/** One line for people. */
export function sendText(response: ServerResponse, status: number, text: string, headers?: OutgoingHttpHeaders): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...headers }).end(`${text}\n`)
}

function isJson(contentType: string | undefined): boolean {
  if (contentType === 'application/json') return true
  const type = contentType?.split(';', 1)[0]?.trim().toLowerCase()
  return type === 'application/json' || type === 'application/json-rpc'
}

function refuseBody(response: ServerResponse, cors: OutgoingHttpHeaders): void {
  const text = errorText(null, limitExceeded(`body larger than ${MAX_BODY_BYTES} bytes`, MAX_BODY_BYTES))
  // The rest of the body is not read.
  response.writeHead(413, { ...cors, 'content-type': 'application/json', connection: 'close' }).end(text)
}
