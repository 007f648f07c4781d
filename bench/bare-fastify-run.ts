import Fastify from 'fastify'

/** The peer: a route that answers a call's body with the same JSON always. Tells its URL; with an IPC channel. */
const app = Fastify()
app.post('/', async () => ({ jsonrpc: '2.0', id: 1, result: '0x1' }))
process.send!(await app.listen({ host: '127.0.0.1', port: 0 }))
process.on('disconnect', () => app.close())
