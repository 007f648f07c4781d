import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { toHex } from '../../src/primitives/bytes.ts'
import { belowLimit } from '../support/figure.ts'
import { copyDatabase, type Fixture, prepareFixture } from '../support/fixture.ts'
import { SIGNER_ADDRESS } from '../support/network.ts'
import { callRpc } from '../support/rpc-call.ts'
import { startChild } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** From the start of the process to its head's number and a balance there, after kills amid an import; the slowest of them. */
export const restart: FigureGroup = {
  names: ['restart'],
  async measure({ plan: { many, kills }, judged, log }) {
    const fixture = await prepareFixture(many, log)
    const datadir = mkdtempSync(join(tmpdir(), 'idobata-bench-restart-'))
    try {
      copyDatabase(fixture.genesisDirectory, join(datadir, 'db'))
      await startFirst(fixture, datadir)
      let slowestMs = 0
      for (let kill = 1; kill <= kills; kill++) {
        const acknowledged = await importUntilKilled(fixture, datadir, Math.ceil((many.blocks * kill) / (kills + 1)))
        log(`killed after block ${acknowledged}, starting again`)
        slowestMs = Math.max(slowestMs, await timeStart(fixture, datadir, acknowledged))
      }
      return [belowLimit({ name: 'restart', value: slowestMs / 1000, unit: 's to the first answers' }, 5, judged)]
    } finally {
      rmSync(datadir, { recursive: true })
    }
  },
}

/** @returns the number of the last block whose import was told to be done. */
async function importUntilKilled({ shape }: Fixture, datadir: string, killAfter: number): Promise<number> {
  const child = startChild('killed-run.ts', [shape.accounts, shape.blocks, shape.transfers, datadir])
  const closed = once(child, 'close')
  let acknowledged = 0
  for await (const line of createInterface(child.stdout)) {
    acknowledged = Number(line)
    if (acknowledged === killAfter) child.kill('SIGKILL')
  }
  const [code, signal] = await closed
  assert(signal === 'SIGKILL', `bench/killed-run.ts ended by itself with code ${code}`)
  return acknowledged
}

function startNode({ shape }: Fixture, datadir: string) {
  const child = startChild('node-run.ts', [shape.accounts, datadir], { XDG_CACHE_HOME: join(datadir, 'cache') })
  return { child, closed: once(child, 'close') }
}

/** What was killed has been started before, so its code is compiled. */
async function startFirst(fixture: Fixture, datadir: string): Promise<void> {
  const { child, closed } = startNode(fixture, datadir)
  try {
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    await lines.next()
    child.stdin.write('\n')
    assert.equal((await lines.next()).value, 'kept', 'bench/node-run.ts ended before its code was kept')
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}

/** @returns milliseconds. */
async function timeStart(fixture: Fixture, datadir: string, acknowledged: number): Promise<number> {
  const startMs = performance.now()
  const { child, closed } = startNode(fixture, datadir)
  try {
    const { value: url } = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
    assert(url !== undefined, 'bench/node-run.ts ended before it served')
    const head = Number(await callRpc<string>(url, 'eth_blockNumber'))
    // The head alone could be told without its state.
    const tips = BigInt(await callRpc<string>(url, 'eth_getBalance', toHex(SIGNER_ADDRESS), 'latest'))
    const elapsedMs = performance.now() - startMs
    assert(head >= acknowledged, `the node is back at block ${head}, but block ${acknowledged} had been imported`)
    assert(tips > 0n, 'the node does not know the balance of whoever sealed its blocks')
    return elapsedMs
  } finally {
    child.kill('SIGKILL')
    await closed
  }
}
