import { createPow } from '../../src/consensus/pow.ts'
import { equalBytes } from '../../src/primitives/bytes.ts'
import { MAX_GAS_LIMIT } from '../../src/primitives/limits.ts'
import { startClient } from '../support/light-clients.ts'
import { headerPeer } from '../support/light-peers.ts'
import { MINED_CHAIN_ID, MINED_PARAMS, MinedChain } from '../support/mined-chain.ts'
import { seededRandom } from '../support/seeded-random.ts'
import type { Finding, Scenario } from './scenario.ts'

const FORKS = [10, 1_000, 100_000]
const QUICK_FORKS = [10, 1_000]
/** Of the honest side's blocks since the fork, those that the adversary has mined: he has less than half of all work. */
const RATE = 0.45

/** Adversaries who mine in earnest, with less work than the honest side, and offer their chain as it is and inflated. */
export const lightForks: Scenario = {
  name: 'light-forks',
  claim: 'a light node does not follow a chain of less work, wherever it forked off',
  async run({ quick, seed, log }) {
    const forks = quick ? QUICK_FORKS : FORKS
    const random = seededRandom(seed)
    const length = Math.max(...forks) + 200
    log(`mining ${length} honest headers`)
    const honest = new MinedChain()
    for (let i = 0; i < length; i++) honest.mine(1 + Math.floor(random() * 19))
    const findings: Finding[] = []
    for (const depth of forks) {
      log(`mining forks from ${depth} blocks ago`)
      const mined = Math.max(1, Math.floor(depth * RATE))
      const lighter = new MinedChain({ chain: honest, upTo: length - depth })
      for (let i = 0; i < mined; i++) lighter.mine(1 + Math.floor(random() * 19))
      findings.push(await offered(`less work, forked ${depth} blocks ago`, honest, lighter, false))
      // The same work, and as many blocks again that have none, below a tail that has.
      const inflated = new MinedChain({ chain: honest, upTo: length - depth })
      const tail = Math.min(mined, 100)
      for (let i = 0; i < depth + 10; i++) inflated.mine(1, { unmined: i >= mined - tail && i < depth + 10 - tail })
      findings.push(
        await offered(`inflated beyond the honest work, forked ${depth} blocks ago`, honest, inflated, true),
      )
    }
    return findings
  },
}

/** Whether a client that hears of the adversary first ends with the honest chain. */
async function offered(name: string, honest: MinedChain, theirs: MinedChain, reported: boolean): Promise<Finding> {
  const params = {
    chainId: MINED_CHAIN_ID,
    maxGasLimit: MAX_GAS_LIMIT,
    gasLimitTarget: 30_000_000n,
    maxBlockBytes: undefined,
  }
  const rules = { name: 'pow', ...MINED_PARAMS } as const
  const { client, peers, until, reports } = startClient(
    { params, rules, genesis: honest.genesis },
    { engine: createPow(MINED_PARAMS, {}) },
    honest.tip.header.timestamp,
  )
  for (const [id, chain] of [
    ['adversary', theirs],
    ['honest', honest],
    ['other', honest],
  ] as const) {
    peers.set(id, headerPeer(chain))
    client.addPeer(id)
  }
  await until(() => equalBytes(client.status().tip.hash, honest.tip.hash) && client.head.header.number > 0)
  if (reported) await until(() => reports.length > 0)
  // Who is on a short fork holds the head back to where he left, and it lies on the honest chain all the same.
  const { hash, header } = client.head
  const follows = equalBytes(hash, honest.header(header.number).hash)
  const pass = follows && reports.every(({ peer }) => peer === 'adversary')
  const value = reports.length === 0 ? 'not followed' : `not followed, ${reports[0]!.fault}`
  return { name, value, bar: 'the honest chain is followed', pass }
}
