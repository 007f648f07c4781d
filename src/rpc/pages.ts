import Fastify, { type FastifyInstance } from 'fastify'
import { clientOf } from './addresses.ts'
import type { Allowance } from './allowances.ts'
import type { Gate } from './gate.ts'
import { type HealthFacts, judgeReadiness } from './health.ts'
import { METRICS_UNITS } from './limits.ts'

/** What `GET /metrics` serves. */
export interface MetricsSource {
  readonly contentType: string
  /** In Prometheus' text format. */
  text(): Promise<string>
}

export interface PagesComponents {
  readonly gate: Gate
  /** Absent: everybody may ask as much as they like. */
  readonly allowance?: Allowance | undefined
  /** How the node stands now. */
  readonly health: () => Promise<HealthFacts>
  /** Absent: nothing is measured. */
  readonly metrics?: MetricsSource | undefined
}

/**
 * Everything that is not JSON-RPC: health, metrics, and a word for who opens the URL in a browser. Health says no more
 * than yes or no to strangers, so that whoever restarts the node needs no token.
 */
export function createPages({ gate, allowance, health, metrics }: PagesComponents): FastifyInstance {
  const app = Fastify()
  const text = 'text/plain; charset=utf-8'

  app.get('/', (_request, reply) =>
    reply.type(text).send('An idobata node. It speaks Ethereum JSON-RPC: POST here, or open a WebSocket.\n'),
  )
  app.get('/livez', (_request, reply) => reply.type(text).send('ok\n'))
  app.get<{ Querystring: { readonly verbose?: string } }>('/readyz', async (request, reply) => {
    const { ready, report } = judgeReadiness(await health())
    reply.code(ready ? 200 : 503).type(text)
    if (request.query.verbose === undefined) return ready ? 'ok\n' : 'not ready\n'
    const stranger = await gate.authenticate(request.headers)
    if (stranger) return reply.code(stranger.status).send(`${stranger.reason}\n`)
    return `${report}\n`
  })
  app.get('/metrics', async (request, reply) => {
    const stranger = await gate.authenticate(request.headers)
    if (stranger) return reply.code(stranger.status).type(text).send(`${stranger.reason}\n`)
    const refusal = allowance?.take(clientOf(request.socket.remoteAddress), METRICS_UNITS)
    if (refusal) {
      return reply.code(429).header('retry-after', `${refusal.waitSec}`).type(text).send(`${refusal.reason}\n`)
    }
    if (!metrics) return reply.code(404).type(text).send('nothing is measured; start the node with --metrics\n')
    return reply.type(metrics.contentType).send(await metrics.text())
  })
  app.setNotFoundHandler(({ method, url }, reply) =>
    reply.code(404).type(text).send(`nothing answers ${method} ${url}; JSON-RPC is POST /\n`),
  )
  return app
}
