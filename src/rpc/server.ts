import Fastify, { type FastifyInstance } from 'fastify'
import type { Dispatcher } from './dispatch.ts'
import { MAX_BODY_BYTES, REQUEST_TIMEOUT_MS } from './limits.ts'

export interface RpcServerOptions {
  /** Address to bind, loopback unless the operator says otherwise. */
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

/** JSON-RPC over HTTP: POST / with a body of `application/json`. */
export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #http: FastifyInstance

  constructor(options: RpcServerOptions, { dispatcher }: { readonly dispatcher: Dispatcher }) {
    this.#options = options
    this.#http = Fastify({ bodyLimit: MAX_BODY_BYTES, requestTimeout: REQUEST_TIMEOUT_MS })
    // JSON alone: a page may send `text/plain` to any address without the browser asking first.
    this.#http.removeAllContentTypeParsers()
    this.#http.addContentTypeParser(
      ['application/json', 'application/json-rpc'],
      { parseAs: 'string' },
      (_request, body, done) => done(null, body),
    )
    this.#http.post('/', async (request, reply) => {
      const response = await dispatcher.handle(typeof request.body === 'string' ? request.body : '')
      if (response === undefined) return reply.code(204).send()
      return reply.type('application/json').send(response)
    })
  }

  /** @returns the URL it listens at. @throws the operating system's error, `code` EADDRINUSE and the like. */
  async start(): Promise<string> {
    return this.#http.listen(this.#options)
  }

  /** Answers what has arrived, then closes. */
  async stop(): Promise<void> {
    await this.#http.close()
  }
}
