import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { Clock } from '../primitives/clock.ts'
import { Connections } from './connections.ts'
import type { Dispatcher } from './dispatch.ts'
import type { Gate } from './gate.ts'
import { HeldBytes } from './held-bytes.ts'
import { corsHeaders, HttpCalls, sendText } from './http-calls.ts'
import {
  DRAIN_TIMEOUT_MS,
  INACTIVITY_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  MAX_CONNECTIONS,
  MAX_INCOMING_BYTES,
  MAX_OUTGOING_BYTES,
  REQUEST_TIMEOUT_MS,
  TIMEOUT_CHECK_MS,
} from './limits.ts'
import type { PagesComponents } from './pages.ts'
import type { WsServer } from './ws-server.ts'

export interface RpcServerOptions {
  /** Address to bind, loopback unless the operator says otherwise. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** One side of the port: what can be called through it, and from which pages. */
export interface RpcSide {
  readonly dispatcher: Dispatcher
  readonly gate: Gate
}

export interface RpcServerComponents extends Omit<PagesComponents, 'gate'> {
  readonly http: RpcSide
  /** Absent: no WebSocket. */
  readonly ws?: RpcSide | undefined
  readonly clock: Clock
}

/**
 * JSON-RPC over HTTP and WebSocket, health and metrics, on one port. What is behind WebSocket and the pages is loaded when
 * it is first asked for: to have it at hand would be a third of the time that a start takes.
 */
export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #parts: RpcServerComponents
  readonly #connections = new Connections()
  readonly #server: Server
  readonly #calls: HttpCalls
  readonly #held = {
    incoming: new HeldBytes({ limitBytes: MAX_INCOMING_BYTES }),
    outgoing: new HeldBytes({ limitBytes: MAX_OUTGOING_BYTES }),
  }
  #loadingPages: Promise<FastifyInstance> | undefined
  #loadingWs: Promise<WsServer> | undefined
  #ws: WsServer | undefined

  constructor(options: RpcServerOptions, components: RpcServerComponents) {
    this.#options = options
    this.#parts = components
    const { http, allowance } = components
    this.#calls = new HttpCalls({ ...http, ...this.#held, allowance, connections: this.#connections })
    this.#server = this.#createServer()
  }

  /** Open WebSocket connections. */
  get wsConnections(): number {
    return this.#ws?.connections ?? 0
  }

  /** @returns the URL it listens at. @throws the operating system's error, `code` EADDRINUSE and the like. */
  async start(): Promise<string> {
    const { host, port } = this.#options
    this.#server.listen(port, host)
    await once(this.#server, 'listening')
    const bound = this.#server.address() as { readonly port: number }
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`
  }

  /** Answers what has arrived, says goodbye to WebSockets, then closes; what takes too long is cut. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#ws?.drain()
    const cancel = this.#parts.clock.after(DRAIN_TIMEOUT_MS, () => {
      this.#server.closeAllConnections()
      this.#ws?.cut()
    })
    await closed
    cancel()
    this.#parts.http.dispatcher.stop()
    this.#parts.ws?.dispatcher.stop()
    await (await this.#loadingPages)?.close()
  }

  #createServer(): Server {
    const server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: REQUEST_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: TIMEOUT_CHECK_MS,
        noDelay: true,
        // Clients that offer HTTP/2 on the way (Java's, for one) are answered over HTTP/1.1.
        shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
      },
      (request, response) => this.#answer(request, response),
    )
    server.timeout = INACTIVITY_TIMEOUT_MS
    server.maxConnections = MAX_CONNECTIONS
    server.on('connection', (socket) => this.#connections.accept(socket))
    server.on('upgrade', (request, socket, head) => void this.#upgrade(request, socket, head))
    return server
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { gate } = this.#parts.http
    const refusal = gate.judge(request.headers)
    if (refusal) sendText(response, refusal.status, refusal.reason)
    else if (!isRoot(request)) void this.#page(request, response)
    else if (request.method === 'POST') this.#calls.answer(request, response)
    else if (request.method === 'OPTIONS') answerPreflight(request, response, gate)
    else void this.#page(request, response)
  }

  async #page(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#loadingPages ??= this.#loadPages()
    const pages = await this.#loadingPages
    pages.routing(request, response)
  }

  async #loadPages(): Promise<FastifyInstance> {
    const { createPages } = await import('./pages.ts')
    const { http, ...parts } = this.#parts
    const pages = createPages({ gate: http.gate, ...parts })
    await pages.ready()
    return pages
  }

  async #loadWs({ dispatcher }: RpcSide): Promise<WsServer> {
    const { WsServer } = await import('./ws-server.ts')
    this.#ws = new WsServer({ dispatcher, ...this.#held, clock: this.#parts.clock })
    this.#ws.start()
    return this.#ws
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on('error', () => socket.destroy())
    const from = this.#connections.of(request.socket)
    const { ws } = this.#parts
    if (!from || !ws || !isRoot(request)) {
      refuseUpgrade(socket, 404, 'no WebSocket is served here')
      return
    }
    const refusal = ws.gate.judge(request.headers) ?? (await ws.gate.authenticate(request.headers))
    if (refusal) {
      refuseUpgrade(socket, refusal.status, refusal.reason)
      return
    }
    this.#loadingWs ??= this.#loadWs(ws)
    const server = await this.#loadingWs
    if (this.#server.listening) server.accept(request, socket, head, from)
    else socket.destroy()
  }
}

/** Providers' URLs often carry a query. */
function isRoot({ url }: IncomingMessage): boolean {
  return url === '/' || url?.startsWith('/?') === true
}

/** A browser asks whether a page may send JSON here. */
function answerPreflight({ headers }: IncomingMessage, response: ServerResponse, gate: Gate): void {
  const { origin } = headers
  if (origin === undefined || !gate.shares(origin)) {
    sendText(response, 403, 'no page may ask here unless --http.corsdomain names its origin')
    return
  }
  response
    .writeHead(204, {
      ...corsHeaders(origin),
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type, authorization',
      'access-control-max-age': '600',
    })
    .end()
}

function refuseUpgrade(socket: Duplex, status: number, reason: string): void {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nconnection: close\r\ncontent-type: text/plain\r\n`
  socket.end(`${head}content-length: ${reason.length + 1}\r\n\r\n${reason}\n`, () => socket.destroy())
}
