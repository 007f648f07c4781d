import type { Chain } from '../../src/chain/chain.ts'
import type { Genesis } from '../../src/chain/genesis.ts'
import { hashBlock, headerHash } from '../../src/crypto/hashes.ts'
import { keccak256, keccak256Key } from '../../src/crypto/keccak.ts'
import { EMPTY_ACCOUNT } from '../../src/primitives/account.ts'
import { decodeBlock } from '../../src/primitives/block.ts'
import { bytesToBigint, fromHex, toHex } from '../../src/primitives/bytes.ts'
import { BlockError, DecodeError, TxError } from '../../src/primitives/errors.ts'
import { MAX_GAS_LIMIT } from '../../src/primitives/limits.ts'
import type { GenesisAccount } from '../../src/state/genesis-state.ts'
import { readStorage } from '../../src/state/storage.ts'
import type { Database } from '../../src/store/database.ts'
import { londonEngine } from '../support/london-engine.ts'
import { openTestChain } from '../support/test-chain.ts'
import { jsonFiles } from './cases.ts'
import { expectSame, judgeCase, type Suite } from './report.ts'

interface AccountCase {
  readonly balance: string
  readonly nonce: string
  readonly code: string
  readonly storage: Readonly<Record<string, string>>
}

interface BlockCase {
  readonly rlp: string
}

interface ChainCase {
  readonly genesisRLP: string
  readonly pre: Readonly<Record<string, AccountCase>>
  readonly blocks: readonly BlockCase[]
  readonly lastblockhash: string
  readonly postState?: Readonly<Record<string, AccountCase>>
  readonly postStateHash?: string
}

/** Ethereum's chain tests for London: every block is taken or refused as the case says, then head and state are as given. */
export const run: Suite = async (dir, report) => {
  for (const { name: file, content } of jsonFiles(dir, report)) {
    for (const [name, value] of Object.entries(content)) {
      await judgeCase(report, `${file} ${name}`, () => judgeChain(value as ChainCase))
    }
  }
}

async function judgeChain(testCase: ChainCase): Promise<void> {
  const genesis = readGenesis(testCase)
  const { chain, database, remove } = await openTestChain({ genesis }, londonEngine)
  try {
    expectSame(
      'genesis hash',
      toHex(chain.genesisHash),
      toHex(headerHash(decodeBlock(fromHex(testCase.genesisRLP)).header)),
    )
    for (const [i, block] of testCase.blocks.entries()) {
      const refusal = await importCase(chain, block)
      const expected = Object.keys(block).find((key) => key.startsWith('expectException'))
      if (refusal === undefined && expected !== undefined) throw new Error(`block entry ${i} was taken: ${expected}`)
      if (refusal !== undefined && expected === undefined) throw new Error(`block entry ${i} was refused: ${refusal}`)
    }
    expectSame('head', toHex(chain.head.hash), withPrefix(testCase.lastblockhash))
    if (testCase.postStateHash !== undefined) {
      expectSame('state root', toHex(chain.head.header.stateRoot), withPrefix(testCase.postStateHash))
    }
    await comparePostState(chain, database, testCase.postState ?? {})
  } finally {
    await remove()
  }
}

/** @returns why the block was refused; undefined if it was taken. */
async function importCase(chain: Chain, { rlp }: BlockCase): Promise<string | undefined> {
  try {
    await chain.import(hashBlock(decodeBlock(fromHex(rlp))))
    return undefined
  } catch (error) {
    if (error instanceof BlockError || error instanceof DecodeError || error instanceof TxError) return error.message
    throw error
  }
}

async function comparePostState(
  chain: Chain,
  database: Database,
  postState: Readonly<Record<string, AccountCase>>,
): Promise<void> {
  for (const [address, expected] of Object.entries(postState)) {
    const key = keccak256Key(fromHex(address))
    const account = (await chain.account(key, chain.head.hash)) ?? EMPTY_ACCOUNT
    expectSame(`balance of ${address}`, account.balance, BigInt(expected.balance))
    expectSame(`nonce of ${address}`, account.nonce, BigInt(expected.nonce))
    expectSame(`code hash of ${address}`, toHex(account.codeHash), toHex(keccak256(fromHex(expected.code))))
    for (const [slot, value] of Object.entries(expected.storage)) {
      expectSame(`storage ${slot} of ${address}`, readStorage(database, key, word(slot)), bytesToBigint(word(value)))
    }
  }
}

function readGenesis(testCase: ChainCase): Genesis {
  const { header } = decodeBlock(fromHex(testCase.genesisRLP))
  return {
    params: {
      chainId: 1n,
      maxGasLimit: MAX_GAS_LIMIT,
      gasLimitTarget: header.gasLimit,
      maxBlockBytes: undefined,
    },
    engine: { name: 'london', settings: {} },
    header,
    accounts: Object.entries(testCase.pre).map(readAccount),
    digest: keccak256(fromHex(testCase.genesisRLP)),
  }
}

function readAccount([address, { balance, nonce, code, storage }]: [string, AccountCase]): GenesisAccount {
  return {
    address: fromHex(address),
    balance: BigInt(balance),
    nonce: BigInt(nonce),
    code: fromHex(code),
    storage: Object.entries(storage).map(([slot, value]) => [word(slot), bytesToBigint(word(value))] as const),
  }
}

function word(hex: string): Uint8Array {
  return fromHex(hex.replace(/^0x/, '').padStart(64, '0'))
}

function withPrefix(hex: string): string {
  return hex.startsWith('0x') ? hex : `0x${hex}`
}
