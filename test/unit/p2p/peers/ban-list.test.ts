import { describe, expect, it } from 'vitest'
import { BanList } from '../../../../src/p2p/peers/ban-list.ts'
import { BAN_MS, MAX_BANS, MAX_DISCOURAGED } from '../../../../src/p2p/peers/limits.ts'

const NOW = 1_700_000_000_000

describe('a ban', () => {
  it('is of the peer and its host, and ends', () => {
    const bans = new BanList()
    bans.ban('peer', '203.0.113.7', 'bad-seal', NOW)
    expect(bans.isBanned('peer', NOW)).toBe(true)
    expect(bans.isBanned('203.0.113.7', NOW + BAN_MS - 1)).toBe(true)
    expect(bans.isBanned('peer', NOW + BAN_MS)).toBe(false)
    expect(bans.list(NOW)).toEqual([
      { target: 'peer', untilMs: NOW + BAN_MS, reason: 'bad-seal' },
      { target: '203.0.113.7', untilMs: NOW + BAN_MS, reason: 'bad-seal' },
    ])
    expect(bans.list(NOW + BAN_MS)).toEqual([])
  })

  it.each(['127.0.0.1', '192.168.1.5', 'fe80::1'])('is of the peer alone behind %s', (host) => {
    const bans = new BanList()
    bans.ban('peer', host, 'bad-seal', NOW)
    expect(bans.isBanned('peer', NOW)).toBe(true)
    expect(bans.isBanned(host, NOW)).toBe(false)
  })

  it('can be lifted', () => {
    const bans = new BanList()
    bans.ban('peer', undefined, 'bad-seal', NOW)
    expect(bans.lift('peer')).toBe(true)
    expect(bans.lift('peer')).toBe(false)
    expect(bans.isBanned('peer', NOW)).toBe(false)
  })

  it('makes room for others when it ends first', () => {
    const bans = new BanList()
    for (let i = 0; i < MAX_BANS + 5; i++) bans.add({ target: `${i}`, untilMs: NOW + 1000 + i, reason: '' }, NOW)
    expect(bans.list(NOW)).toHaveLength(MAX_BANS)
    expect(bans.isBanned('4', NOW)).toBe(false)
    expect(bans.isBanned('5', NOW)).toBe(true)
  })
})

describe('discouragement', () => {
  it('is no ban, and of the newest only', () => {
    const bans = new BanList()
    bans.discourage('first', '203.0.113.7')
    expect(bans.isDiscouraged('first')).toBe(true)
    expect(bans.isDiscouraged('203.0.113.7')).toBe(true)
    expect(bans.isBanned('first', NOW)).toBe(false)
    for (let i = 0; i < MAX_DISCOURAGED; i++) bans.discourage(`${i}`, undefined)
    expect(bans.isDiscouraged('first')).toBe(false)
  })
})
