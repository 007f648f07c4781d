import { describe, expect, it } from 'vitest'
import { usableAddresses } from '../../../../src/p2p/peers/known-peer.ts'
import { MAX_ADDRESSES_PER_PEER } from '../../../../src/p2p/peers/limits.ts'

const at = (host: string, port = 30_303) => `/ip4/${host}/tcp/${port}`

describe('addresses that are kept of a peer', () => {
  it('are those of one network group', () => {
    const kept = usableAddresses([at('55.1.2.3'), at('66.1.2.3'), at('55.1.9.9')])
    expect(kept).toEqual({ addresses: [at('55.1.2.3'), at('55.1.9.9')], group: '55.1' })
  })

  it('are all of private ranges, loopback last', () => {
    const kept = usableAddresses([at('127.0.0.1'), at('172.17.0.1'), at('192.168.1.2'), at('55.1.2.3')])
    expect(kept).toEqual({ addresses: [at('172.17.0.1'), at('192.168.1.2'), at('127.0.0.1')], group: '172.17.0.1' })
  })

  it('are loopback where there is nothing else', () => {
    expect(usableAddresses([at('127.0.0.1')])).toEqual({ addresses: [at('127.0.0.1')], group: '127.0.0.1' })
  })

  it('are the public ones where loopback is named first', () => {
    const kept = usableAddresses([at('127.0.0.1'), at('55.1.2.3')])
    expect(kept).toEqual({ addresses: [at('55.1.2.3')], group: '55.1' })
  })

  it('are no more than some, and none of relays', () => {
    const many = Array.from({ length: 20 }, (_, port) => at('55.1.2.3', 1 + port))
    expect(usableAddresses(many)?.addresses).toHaveLength(MAX_ADDRESSES_PER_PEER)
    expect(usableAddresses(['/ip4/55.1.2.3/tcp/1/p2p/QmRelay/p2p-circuit'])).toBeUndefined()
  })
})
