import { expect, test } from 'vitest'
import type { Head } from '../../../src/chain/types.ts'
import { headerHash } from '../../../src/crypto/hashes.ts'
import type { LightHeadEvent } from '../../../src/light/types.ts'
import { lightEvents } from '../../../src/node/light-events.ts'
import type { NodeEvent } from '../../../src/rpc/events.ts'
import { Subscriptions } from '../../../src/rpc/subscriptions.ts'
import { headerWith } from '../../support/header-chain.ts'

/** Above `parent`, of difficulty 10; `branch` tells siblings apart. */
function above(parent: Head, branch: number): Head {
  const header = headerWith({
    parentHash: parent.hash,
    number: parent.header.number + 1,
    difficulty: 10n,
    extraData: new Uint8Array(32).fill(branch),
  })
  return { hash: headerHash(header), header, totalDifficulty: parent.totalDifficulty + 10n }
}

const genesisHeader = headerWith({})
const genesis: Head = { hash: headerHash(genesisHeader), header: genesisHeader, totalDifficulty: 1n }
const [a1, b1] = [above(genesis, 1), above(genesis, 2)]
const [a2, b2] = [above(a1, 1), above(b1, 2)]
const b3 = above(b2, 2)

function following(head: Head) {
  let tellHead: (event: LightHeadEvent) => void = () => {}
  const told: NodeEvent[] = []
  const listeners = new Set<(event: NodeEvent) => void>()
  const client = {
    head,
    subscribe(listener: (event: LightHeadEvent) => void) {
      tellHead = listener
      return () => {}
    },
  }
  lightEvents(client, { subscribe: () => () => {} })((event) => {
    told.push(event)
    for (const listener of listeners) listener(event)
  })
  const events = {
    subscribe(listener: (event: NodeEvent) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  return { told, events, tellHead: (event: LightHeadEvent) => tellHead(event) }
}

test('a reorg of the followed head names the weight of each block, on both branches', () => {
  const { told, tellHead } = following(a2)
  tellHead({ head: b3, connected: [b1, b2, b3], disconnected: [a2, a1] })
  expect(told).toEqual([
    {
      type: 'head',
      connected: [b1, b2, b3].map((header) => ({ header, logs: [] })),
      disconnected: [a2, a1].map((header) => ({ header, logs: [] })),
    },
  ])
})

test('of what a proof has shown, blocks are told as far as they follow each other', () => {
  const { told, tellHead } = following(genesis)
  tellHead({ head: b3, connected: [a1, b2, b3], disconnected: [] })
  expect(told).toMatchObject([{ connected: [{ header: b2 }, { header: b3 }] }])
})

test('subscribers to heads hear of a reorg, of what has gone where they asked for that', () => {
  const { events, tellHead } = following(a2)
  const subscriptions = new Subscriptions({ events, createId: () => '0x1' })
  const heard: { hash: string; removed?: boolean }[] = []
  const subscriber = {
    notify: (message: string) => heard.push(JSON.parse(message).params.result),
    onClose() {},
  }
  subscriptions.subscribe(subscriber, { kind: 'newHeads', removed: true }, (action) => action())
  tellHead({ head: b3, connected: [b1, b2, b3], disconnected: [a2, a1] })
  expect(heard.map(({ removed = false }) => removed)).toEqual([true, true, false, false, false])
  subscriptions.stop()
})
