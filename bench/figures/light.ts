import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { belowLimit, reported } from '../support/figure.ts'
import { copyDatabase, prepareFixture } from '../support/fixture.ts'
import { prepareHeaders } from '../support/header-fixture.ts'
import { runChild, startChild } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** What `light-sync-run.ts` prints. */
interface LightSync {
  readonly cpuSec: number
  readonly elapsedMs: number
  readonly receivedBytes: number
  readonly idleRssMb: number
  readonly rssMb: number
}

/** What `light-read-run.ts` prints. */
interface LightReads {
  readonly firstMs: number
  readonly balance: { readonly bytes: number; readonly ms: number }
  readonly receipt: { readonly bytes: number; readonly ms: number }
}

/** What it costs to find the tip of a long chain: a client in a process of its own, connected to a server in another. */
export const lightSync: FigureGroup = {
  names: ['light-sync', 'light-sync-bytes', 'light-sync-memory', 'light-sync-rss', 'light-sync-growth'],
  async measure({ plan, judged, log }) {
    const { blocks, fewBlocks } = plan.light
    const directory = prepareHeaders(blocks, log)
    const sync = (length: number) =>
      withServer('light-serve-run.ts', [directory, length], (address) =>
        runChild<LightSync>('light-sync-run.ts', [address, length]),
      )
    const few = await sync(fewBlocks)
    const many = await sync(blocks)
    log(`the tip of ${blocks} blocks in ${Math.round(many.elapsedMs)} ms`)
    const kilobytes = ({ receivedBytes }: LightSync) => receivedBytes / 1_000
    return [
      belowLimit({ name: 'light-sync', value: many.cpuSec, unit: 's of CPU' }, 3, judged),
      belowLimit({ name: 'light-sync-bytes', value: kilobytes(many), unit: 'kB' }, 1_000, judged),
      belowLimit({ name: 'light-sync-memory', value: many.rssMb - many.idleRssMb, unit: 'MiB' }, 40, judged),
      belowLimit({ name: 'light-sync-rss', value: many.rssMb, unit: 'MiB' }, 180, judged),
      belowLimit({ name: 'light-sync-growth', value: kilobytes(many) / kilobytes(few), unit: 'times' }, 3, judged),
    ]
  },
}

/** What an answer costs a light node, at a state of many accounts and in blocks of many transactions. */
export const lightReads: FigureGroup = {
  names: ['light-first-balance', 'light-balance', 'light-balance-time', 'light-receipt', 'light-receipt-time'],
  async measure({ plan, judged, log }) {
    const { accounts, transfers } = plan.many
    const shape = { accounts, blocks: 1, transfers }
    const fixture = await prepareFixture(shape, log)
    const directory = mkdtempSync(join(tmpdir(), 'idobata-bench-light-'))
    try {
      const database = join(directory, 'db')
      copyDatabase(fixture.chainDirectory, database)
      const { firstMs, balance, receipt } = await withServer(
        'sync-serve-run.ts',
        [accounts, database, 'honest'],
        (address, genesis) => runChild<LightReads>('light-read-run.ts', [address, accounts, plan.light.reads, genesis]),
      )
      return [
        belowLimit({ name: 'light-first-balance', value: firstMs / 1_000, unit: 's' }, 3, judged),
        belowLimit({ name: 'light-balance', value: balance.bytes / 1_000, unit: 'kB' }, 10, judged),
        reported({ name: 'light-balance-time', value: balance.ms, unit: 'ms' }),
        reported({ name: 'light-receipt', value: receipt.bytes / 1_000, unit: 'kB' }),
        reported({ name: 'light-receipt-time', value: receipt.ms, unit: 'ms' }),
      ]
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
}

/** Starts a server, which prints its address and what else there is to know. */
async function withServer<T>(
  script: string,
  args: readonly (string | number)[],
  use: (address: string, about: string) => Promise<T>,
): Promise<T> {
  const child = startChild(script, args)
  const closed = once(child, 'close')
  try {
    const { value } = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
    assert(value !== undefined, `bench/${script} ended before it served`)
    const [address, about = ''] = value.split(' ')
    return await use(address!, about)
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}
