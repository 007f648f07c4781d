import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { belowLimit, besidePeer } from '../support/figure.ts'
import { nativeRecoveryRate } from '../support/native-recovery.ts'
import { RpcProcess } from '../support/rpc-process.ts'
import { runChild, startChild } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** Messages of transactions that wait for their answer at a time: the cores have work while the medium writes. */
const BATCHES_IN_FLIGHT = 8

/** Small answers over HTTP, beside a framework that answers without looking. */
export const rpcReads: FigureGroup = {
  names: ['rpc-block-number', 'rpc-balance'],
  async measure({ plan: { rpc }, judged, log }) {
    log('asking for block number and balance')
    const bare = await RpcProcess.start('bare-fastify-run.ts')
    const node = await RpcProcess.start('rpc-node-run.ts', [rpc.accounts])
    try {
      const rates = await runChild<{ bare: number; blockNumber: number; balance: number }>('rpc-load-run.ts', [
        'reads',
        bare.url,
        node.url,
        rpc.sliceMs,
        rpc.rounds,
      ])
      const peer = { name: 'bare fastify', value: rates.bare }
      return [
        besidePeer({ name: 'rpc-block-number', value: rates.blockNumber, unit: 'calls/s' }, peer, 0.7, judged),
        besidePeer({ name: 'rpc-balance', value: rates.balance, unit: 'calls/s' }, peer, 0.7, judged),
      ]
    } finally {
      await Promise.all([bare.stop(), node.stop()])
    }
  },
}

/** Transactions that the node has never seen, handed in a hundred at a time. */
export const rpcSend: FigureGroup = {
  names: ['rpc-send', 'rpc-event-loop'],
  async measure({ plan: { rpc, loopMs }, judged, log }) {
    log(`handing in ${rpc.batches} batches of transactions`)
    const node = await RpcProcess.start('rpc-node-run.ts', [rpc.accounts])
    try {
      const send = (first: number, batches: number) =>
        runChild<{ perSecond: number }>('rpc-load-run.ts', [
          'send',
          node.url,
          rpc.accounts,
          first,
          batches,
          BATCHES_IN_FLIGHT,
        ])
      // What compiling costs belongs to a node's first second, not to every transaction.
      await send(0, rpc.warmUpBatches)
      const before = await nativeRecoveryRate(loopMs)
      await node.report()
      const { perSecond } = await send(rpc.warmUpBatches, rpc.batches)
      const { delayP99Ms } = await node.report()
      const after = await nativeRecoveryRate(loopMs)
      const peer = { name: 'native recovery', value: (before + after) / 2 }
      return [
        besidePeer({ name: 'rpc-send', value: perSecond, unit: 'tx/s' }, peer, 0.5, judged),
        belowLimit({ name: 'rpc-event-loop', value: delayP99Ms, unit: 'ms delay p99' }, 50, judged),
      ]
    } finally {
      await node.stop()
    }
  },
}

/** One block, told to everybody who has subscribed to new heads. */
export const rpcHeads: FigureGroup = {
  names: ['ws-heads', 'ws-memory'],
  async measure({ plan: { rpc }, judged, log }) {
    log(`telling ${rpc.subscribers} subscribers of a block`)
    const node = await RpcProcess.start('rpc-node-run.ts', ['dev'])
    const before = await node.report()
    const clients = startChild('rpc-load-run.ts', ['heads', node.url, rpc.subscribers])
    const closed = once(clients, 'close')
    try {
      const { value: line } = await createInterface(clients.stdout)[Symbol.asyncIterator]().next()
      assert(line !== undefined, 'bench/rpc-load-run.ts ended before all were told')
      const { lastMs } = JSON.parse(line) as { lastMs: number }
      const after = await node.report()
      const addedMb = (after.collectedRssBytes - before.collectedRssBytes) / 2 ** 20
      return [
        belowLimit({ name: 'ws-heads', value: lastMs / 1000, unit: 's to the last' }, 1, judged),
        belowLimit({ name: 'ws-memory', value: addedMb, unit: 'MiB more' }, 100, judged),
      ]
    } finally {
      clients.stdin.end()
      await closed
      await node.stop()
    }
  },
}

/** `idobata start` on an empty data directory, as on its very first start: with nothing compiled that an earlier one has kept. */
export const coldStart: FigureGroup = {
  names: ['cold-start'],
  async measure({ plan: { rpc }, judged, log }) {
    log('starting on an empty directory')
    const times: number[] = []
    for (let run = 0; run < rpc.starts; run++) times.push(await timeStart())
    const median = times.toSorted((a, b) => a - b)[times.length >> 1]!
    return [belowLimit({ name: 'cold-start', value: median / 1000, unit: 's to the first answer' }, 1.5, judged)]
  },
}

/** @returns milliseconds. */
async function timeStart(): Promise<number> {
  const datadir = mkdtempSync(join(tmpdir(), 'idobata-bench-start-'))
  const startMs = performance.now()
  const child = startChild('../src/cli/main.ts', ['start', '--datadir', datadir, '--http.port', 0], {
    NODE_DISABLE_COMPILE_CACHE: '1',
  })
  const closed = once(child, 'close')
  try {
    for await (const line of createInterface(child.stdout)) {
      const { url } = JSON.parse(line) as { url?: string }
      if (url === undefined) continue
      await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [] }),
      }).then((response) => response.json())
      return performance.now() - startMs
    }
    throw new Error('the node ended before it served')
  } finally {
    child.kill('SIGKILL')
    await closed
    rmSync(datadir, { recursive: true })
  }
}
