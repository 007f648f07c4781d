import type { Connection, PeerId } from '@libp2p/interface'
import { beforeEach, expect, test } from 'vitest'
import { type OpenStream, openSideBySide } from '../../../src/p2p/gossip-streams.ts'

const peer = (name: string) => ({ toString: () => name }) as PeerId
const connection = (id: string) => ({ id }) as Connection

let open: OpenStream
/** Connections on which a stream has been asked for, with what ends the asking. */
let asked: { readonly id: string; readonly settle: () => void }[]

beforeEach(() => {
  asked = []
  open = openSideBySide((_, { id }) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    asked.push({ id, settle: resolve })
    return promise
  })
})

const ids = () => asked.map(({ id }) => id)

test('no peer waits for another that does not answer', async () => {
  await open(peer('silent'), connection('a'))
  await open(peer('honest'), connection('b'))
  expect(ids()).toEqual(['a', 'b'])
})

test('a peer gets one stream at a time; of the connections that came meanwhile the last is tried next', async () => {
  for (const id of ['a', 'b', 'c']) await open(peer('one'), connection(id))
  expect(ids()).toEqual(['a'])
  asked[0]!.settle()
  await expect.poll(ids).toEqual(['a', 'c'])
  asked[1]!.settle()
  await expect
    .poll(async () => {
      await open(peer('one'), connection('d'))
      return ids()
    })
    .toEqual(['a', 'c', 'd'])
})
