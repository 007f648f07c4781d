import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { belowLimit, besidePeer } from '../support/figure.ts'
import { copyDatabase, type Fixture, type FixtureShape, prepareFixture } from '../support/fixture.ts'
import { startChild } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

type Manner = 'honest' | 'lies' | 'stalls' | 'vanishes'

const HONEST: readonly Manner[] = ['honest', 'honest', 'honest', 'honest']
const FAULTY: readonly Manner[] = ['honest', 'lies', 'stalls', 'vanishes']
/** Blocks handed to the chain at a time, as in catching up. */
const IN_FLIGHT = 64

/**
 * A node that catches up with four peers, each a process, beside the same chain's import from a file: first with
 * four good peers, then with one good one, one that lies, one that stalls and one that vanishes; and what it has to do again
 * after it was killed half-way. All of them share the machine's cores.
 */
export const lateJoiner: FigureGroup = {
  names: ['late-joiner', 'late-joiner-faults', 'late-joiner-killed'],
  async measure(session) {
    const { long } = session.plan
    const fixture = await prepareFixture(long, session.log)
    const local = await session.importRun(long, 'unseen', IN_FLIGHT)
    const directory = mkdtempSync(join(tmpdir(), 'idobata-bench-late-'))
    try {
      session.log(`catching up with ${long.blocks} blocks from four peers`)
      const honest = await catchUp(fixture, directory, HONEST)
      session.log('catching up from one that is good, one that lies, one that stalls, one that vanishes')
      const faulty = await catchUp(fixture, directory, FAULTY)
      session.log('killed half-way, and again')
      const again = await catchUpTwice(fixture, directory)
      session.log(
        `${Math.round(honest)} tx/s, with bad peers ${Math.round(faulty)}, ${again} blocks again after the kill`,
      )
      const localPeer = { name: 'local import', value: local.perSecond }
      const honestPeer = { name: 'good peers only', value: honest }
      return [
        besidePeer({ name: 'late-joiner', value: honest, unit: 'tx/s' }, localPeer, 0.7, session.judged),
        besidePeer({ name: 'late-joiner-faults', value: faulty, unit: 'tx/s' }, honestPeer, 0.8, session.judged),
        belowLimit({ name: 'late-joiner-killed', value: again, unit: 'blocks again' }, 512, session.judged),
      ]
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
}

/** @returns transactions a second, from the node's start. */
async function catchUp(fixture: Fixture, directory: string, manners: readonly Manner[]): Promise<number> {
  const { shape, genesisDirectory } = fixture
  const servers = await Promise.all(manners.map((manner, i) => serve(fixture, join(directory, `${i}`), manner)))
  try {
    const datadir = join(directory, 'joiner')
    copyDatabase(genesisDirectory, join(datadir, 'db'))
    const { elapsedMs } = await runJoiner(shape, datadir, servers)
    rmSync(datadir, { recursive: true })
    return (shape.blocks * shape.transfers * 1000) / elapsedMs
  } finally {
    await stop(servers, directory)
  }
}

/** @returns blocks that the second run had to import again, of those that the first had told of. */
async function catchUpTwice(fixture: Fixture, directory: string): Promise<number> {
  const { shape, genesisDirectory } = fixture
  const servers = await Promise.all(HONEST.map((manner, i) => serve(fixture, join(directory, `${i}`), manner)))
  try {
    const datadir = join(directory, 'joiner')
    copyDatabase(genesisDirectory, join(datadir, 'db'))
    const first = await runJoiner(shape, datadir, servers, shape.blocks / 2)
    const second = await runJoiner(shape, datadir, servers)
    rmSync(datadir, { recursive: true })
    return first.lastHead - second.firstHead
  } finally {
    await stop(servers, directory)
  }
}

interface Server {
  readonly child: ChildProcess
  readonly closed: Promise<unknown>
  readonly address: string
}

async function serve({ shape, chainDirectory }: Fixture, directory: string, manner: Manner): Promise<Server> {
  copyDatabase(chainDirectory, directory)
  const child = startChild('sync-serve-run.ts', [shape.accounts, directory, manner])
  const closed = once(child, 'close')
  const { value: address } = await createInterface(child.stdout)[Symbol.asyncIterator]().next()
  assert(address !== undefined, 'bench/sync-serve-run.ts ended before it served')
  return { child, closed, address: address.split(' ')[0]! }
}

async function stop(servers: readonly Server[], directory: string): Promise<void> {
  for (const [i, { child, closed }] of servers.entries()) {
    child.kill('SIGKILL')
    await closed
    rmSync(join(directory, `${i}`), { recursive: true })
  }
}

/** Runs a node until it has the whole chain, or is killed with `killAt` blocks. */
async function runJoiner(shape: FixtureShape, datadir: string, servers: readonly Server[], killAt?: number) {
  const addresses = servers.map(({ address }) => address)
  const child = startChild('sync-join-run.ts', [shape.accounts, datadir, shape.blocks, ...addresses])
  const closed = once(child, 'close')
  let startMs: number | undefined
  let endMs = 0
  let firstHead: number | undefined
  let lastHead = 0
  for await (const line of createInterface(child.stdout)) {
    lastHead = Number(line)
    firstHead ??= lastHead
    startMs ??= performance.now()
    endMs = performance.now()
    if (killAt !== undefined && lastHead >= killAt) child.kill('SIGKILL')
  }
  await closed
  assert(killAt !== undefined || lastHead === shape.blocks, `the node ended at block ${lastHead}`)
  return { elapsedMs: endMs - startMs!, firstHead: firstHead!, lastHead }
}
