import { expect, test } from 'vitest'
import type { FullNode, LightNode } from '../../../src/index.ts'
import { devAccounts } from '../../../src/node/dev.ts'
import { toHex } from '../../../src/primitives/bytes.ts'
import type { Json } from '../../../src/rpc/json.ts'
import { lightAnswers } from '../../support/light-answers.ts'
import { startLightNode } from '../../support/light-nodes.ts'
import { startNode, walletOf } from '../../support/network-nodes.ts'
import { eventually } from '../../support/p2p-hosts.ts'
import { callsOf } from '../../unit/rpc/method-calls.ts'

const [FROM, TO] = devAccounts().map(({ address }) => toHex(address)) as [`0x${string}`, `0x${string}`]

type Answer =
  | { readonly result: unknown }
  | { readonly code: number; readonly message: string; readonly unproven: unknown }

async function ask(node: LightNode | FullNode, method: string, params: readonly Json[]): Promise<Answer> {
  try {
    return { result: await node.request({ method, params }) }
  } catch (error) {
    const { code, message, data } = error as { code: number; message: string; data?: { unproven?: unknown } }
    return { code, message, unproven: data?.unproven }
  }
}

/** They tell of the node that is asked, so that each has its own answer; what changes with every call is among them. */
const OF_THE_NODE =
  /^(idobata|admin|rpc|txpool)_|^web3_clientVersion|^net_(peerCount|listening)|^eth_(mining|coinbase|hashrate|accounts|newFilter|newBlockFilter|newPendingTransactionFilter|getFilterChanges|getFilterLogs|uninstallFilter|subscribe|unsubscribe|sendRawTransaction)$/

test('a light node answers as a full one does, or says why it does not', async () => {
  const full = await startNode({ mine: true })
  const wallet = walletOf(full)
  const mined: string[] = []
  for (const value of [1n, 2n, 3n]) mined.push(await wallet.sendTransaction({ to: TO, value }))
  const light = await startLightNode([full])
  await eventually(async () => expect(await light.request({ method: 'eth_blockNumber' })).toBe('0x3'))
  await full.request({ method: 'evm_setAutomine', params: [false] })
  // Handed in at the light node: of what is handed in elsewhere it knows no nonces.
  const raw = await wallet.signTransaction(await wallet.prepareTransactionRequest({ to: TO, value: 4n }))
  const pending = String(await light.request({ method: 'eth_sendRawTransaction', params: [raw] }))
  await eventually(async () =>
    expect(await full.request({ method: 'eth_getTransactionByHash', params: [pending] })).not.toBeNull(),
  )
  const block = (await full.request({ method: 'eth_getBlockByNumber', params: ['0x1', false] })) as { hash: string }
  const nothing = `0x${'66'.repeat(32)}`
  const calls = callsOf({
    from: FROM,
    to: TO,
    contract: TO,
    blockHash: block.hash,
    sideHash: nothing,
    mined,
    pending,
    unsent: '0x',
  })
  const stated = new Map(lightAnswers().map(({ method, answer }) => [method, answer]))
  let compared = 0
  for (const [method, paramLists] of Object.entries(calls)) {
    for (const params of paramLists) {
      const context = `${method} ${JSON.stringify(params)}`
      const given = await ask(light, method, params)
      const kind = stated.get(method)
      if ('code' in given) expect(given.code, context).not.toBe(-32603)
      if (kind === 'absent') expect(given, context).toMatchObject({ code: -32601 })
      else if (kind === 'refused') expect(given, context).toMatchObject({ unproven: 'not-answered' })
      else if (!OF_THE_NODE.test(method)) {
        const expected = await ask(full, method, params)
        compared++
        // Only what cannot be shown not to be is refused, where a full node says that it is not.
        if ('unproven' in given && given.unproven === 'absence') expect(expected, context).toSatisfy(isNothing)
        else expect(given, context).toEqual(expected)
      }
    }
  }
  expect(compared).toBeGreaterThan(150)
})

function isNothing(answer: Answer): boolean {
  return 'code' in answer ? /not available|unknown block/.test(answer.message) : answer.result === null
}
