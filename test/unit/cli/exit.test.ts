import { createServer } from 'node:net'
import { tcp } from '@libp2p/tcp'
import { createLibp2p } from 'libp2p'
import { expect, test } from 'vitest'
import { describeFailure } from '../../../src/cli/exit.ts'

test('a host for RPC that nobody knows is named, with the flag that gives another', () => {
  const facts = { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'nobody.invalid' }
  expect(describeFailure(Object.assign(new Error('getaddrinfo ENOTFOUND nobody.invalid'), facts))).toEqual({
    line: 'idobata: cannot serve RPC on nobody.invalid: no address is known of it; see --http.addr',
    exitCode: 1,
  })
})

test('a port for peers that is in use is named, with the flag that gives another', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const { port } = holder.address() as { port: number }
  try {
    const place = `/ip4/127.0.0.1/tcp/${port}`
    const failed = await createLibp2p({ transports: [tcp()], addresses: { listen: [place] } }).catch((error) => error)
    const { line, exitCode } = describeFailure(failed)
    expect(line).toBe(
      `idobata: cannot listen for peers on ${place}: listen EADDRINUSE: address already in use 127.0.0.1:${port}; see --port and --p2p.addr`,
    )
    expect(exitCode).toBe(1)
  } finally {
    holder.close()
  }
})
