import { describe, expect, it } from 'vitest'
import { hostOf, networkGroup, subnetOf } from '../../../../src/p2p/peers/network-group.ts'

describe('the host of a multiaddr', () => {
  it.each([
    ['/ip4/203.0.113.7/tcp/30303', '203.0.113.7'],
    ['/ip6/2001:db8::1/udp/30303/quic-v1/p2p/12D3KooW', '2001:db8::1'],
    ['/dns4/node.example.org/tcp/443/wss', 'node.example.org'],
    ['/ip4/203.0.113.7/tcp/1/p2p/12D3KooWRelay/p2p-circuit', undefined],
    ['/ip4/not an address/tcp/1', undefined],
    ['/ip4/2001:db8::1/tcp/1', undefined],
    ['/unix/tmp/socket', undefined],
    ['nonsense', undefined],
    ['', undefined],
  ])('%s', (multiaddr, host) => {
    expect(hostOf(multiaddr)).toBe(host)
  })
})

describe('the network group', () => {
  it.each([
    ['203.0.113.7', '203.0'],
    ['::ffff:203.0.113.7', '203.0'],
    ['2001:db8:1:2::3', '2001:db8'],
    ['2001:0db8::', '2001:db8'],
    ['2a00::1', '2a00:0'],
    ['node.Example.org', 'node.example.org'],
    ['127.0.0.1', '127.0.0.1'],
    ['192.168.1.7', '192.168.1.7'],
    ['fe80::1', 'fe80::1'],
  ])('of %s is %s', (host, group) => {
    expect(networkGroup(host)).toBe(group)
  })

  it('is wider than the subnet', () => {
    expect(subnetOf('203.0.113.7')).toBe('203.0.113')
    expect(subnetOf('2001:db8:1:2::3')).toBe('2001:db8:1')
  })
})
