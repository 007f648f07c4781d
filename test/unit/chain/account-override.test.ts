import { afterEach, describe, expect, it } from 'vitest'
import type { Chain } from '../../../src/chain/chain.ts'
import type { AccountOverride, Engine } from '../../../src/consensus/engine.ts'
import { createPoa } from '../../../src/consensus/poa.ts'
import { keccak256Key } from '../../../src/crypto/keccak.ts'
import type { Block } from '../../../src/primitives/block.ts'
import { concatBytes, toHex } from '../../../src/primitives/bytes.ts'
import { COIN, MAX_OVERRIDE_BALANCE, MAX_OVERRIDE_NONCE } from '../../../src/primitives/limits.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { makeBlock, verdict, withHeader } from '../../support/block-maker.ts'
import { recoverTestSigner, testSigner } from '../../support/block-signers.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { openTestChain, type TestChain } from '../../support/test-chain.ts'
import { account, keyAddress, testGenesis } from '../../support/test-genesis.ts'
import { signedTransfer } from '../../support/transactions.ts'

/** Blocks of a development network that set an account, in the poa engine and through the whole chain. */

const signer = testSigner(7)
const clock = new ManualClock(1_700_000_000_000)
const CONTRACT = new Uint8Array(20).fill(0xc0)
const STRANGER = new Uint8Array(20).fill(0x5a)
const genesis = testGenesis({ accounts: [account(CONTRACT, { balance: 5n, code: Uint8Array.of(0x60) })] })

function engine(accountOverrides = true): Engine {
  const params = { signers: [signer.address], periodSec: 0, maxFutureSeconds: undefined, accountOverrides }
  return createPoa(params, { clock, signer, recoverSigner: recoverTestSigner })
}

const opened: TestChain[] = []
afterEach(async () => {
  for (const test of opened.splice(0)) await test.remove()
})

async function open(judge = engine()): Promise<Chain> {
  const test = await openTestChain({ genesis }, judge, { clock })
  opened.push(test)
  return test.chain
}

/** A sealed child of the head that carries `override`, or any bytes in its place. */
async function carrying(chain: Chain, override: AccountOverride | Uint8Array, transactions = [transfer(0n)]) {
  const poa = engine()
  const with_ = (extra: Uint8Array) => concatBytes(extra.subarray(0, 32), override as Uint8Array, extra.subarray(32))
  const maker: Engine = {
    ...poa,
    prepare: (parent, timestamp, ancestry) =>
      override instanceof Uint8Array
        ? {
            ...poa.prepare(parent, timestamp, ancestry),
            extraData: with_(poa.prepare(parent, timestamp, ancestry).extraData),
          }
        : poa.prepare(parent, timestamp, ancestry, override),
  }
  return makeBlock(chain, maker, chain.head, { transactions })
}

const transfer = (nonce: bigint, value = 1n) => signedTransfer({ nonce, to: STRANGER, value })
const accountOf = (chain: Chain, address: Uint8Array, block: Pick<Block, 'hash'> = chain.head) =>
  chain.account(keccak256Key(address), block.hash)

describe('a block that sets an account', () => {
  it.each([
    ['balance', STRANGER, 3n * COIN, { balance: 3n * COIN, nonce: 0n }],
    ['balance', CONTRACT, 7n, { balance: 7n, codeHash: expect.anything() }],
    ['balance', keyAddress(1), 1n, { balance: 1n, nonce: 1n }],
    ['nonce', STRANGER, 9n, { balance: 1n, nonce: 9n }],
    ['nonce', keyAddress(2), MAX_OVERRIDE_NONCE - 1n, { nonce: MAX_OVERRIDE_NONCE - 1n, balance: 1000n * COIN }],
    ['balance', STRANGER, MAX_OVERRIDE_BALANCE - 1n, { balance: MAX_OVERRIDE_BALANCE - 1n }],
  ] as const)('does so after its transactions: %s', async (field, address, value, expected) => {
    const chain = await open()
    expect(await verdict(chain, await carrying(chain, { address, field, value }))).toBe('head')
    expect(await accountOf(chain, address)).toMatchObject(expected)
  })

  it('removes an account that it empties', async () => {
    const chain = await open()
    await chain.import(await carrying(chain, { address: STRANGER, field: 'balance', value: 0n }))
    expect(await accountOf(chain, STRANGER)).toBeUndefined()
  })

  it('means the same to every node, and to one that goes back and on again', async () => {
    const chain = await open()
    const blocks = [await carrying(chain, { address: STRANGER, field: 'balance', value: COIN })]
    await chain.import(blocks[0]!)
    blocks.push(await makeBlock(chain, engine(), chain.head, { transactions: [transfer(1n, 5n)] }))
    await chain.import(blocks[1]!)
    blocks.push(await carrying(chain, { address: keyAddress(1), field: 'nonce', value: 50n }, []))
    await chain.import(blocks[2]!)
    expect(await accountOf(chain, STRANGER)).toMatchObject({ balance: COIN + 5n })
    expect(await accountOf(chain, keyAddress(1))).toMatchObject({ nonce: 50n })

    const other = await open()
    for (const block of blocks) expect(await verdict(other, block)).toBe('head')
    expect(toHex(other.head.header.stateRoot)).toBe(toHex(chain.head.header.stateRoot))

    expect(await other.rewind(0, () => undefined)).toBe(true)
    expect(await accountOf(other, STRANGER)).toBeUndefined()
    expect(await accountOf(other, keyAddress(1))).toMatchObject({ balance: 1000n * COIN, nonce: 0n })
    for (const block of blocks) expect(await verdict(other, block)).toBe('head')
    expect(await accountOf(other, STRANGER)).toMatchObject({ balance: COIN + 5n })
  })

  it('is refused by a network that has none', async () => {
    const chain = await open()
    const block = await carrying(chain, { address: STRANGER, field: 'balance', value: 1n })
    expect(await verdict(await open(engine(false)), block)).toBe('bad-extra-data')
  })

  it('is refused when another state root, or another override, stands under its signature', async () => {
    const chain = await open()
    const block = await carrying(chain, { address: STRANGER, field: 'balance', value: 1n })
    const extraData = block.header.extraData.slice()
    extraData[40]! ^= 1
    expect(await verdict(chain, withHeader(block, { extraData }))).toBe('bad-seal')
    expect(await verdict(chain, withHeader(block, { stateRoot: new Uint8Array(32) }))).toBe('bad-seal')
  })

  const rlp = encodeRlp
  it.each([
    ['no list', Uint8Array.of(1)],
    ['another list', rlp([])],
    ['a short address', rlp([STRANGER.subarray(1), 0, 1n])],
    ['an unknown field', rlp([STRANGER, 2, 1n])],
    ['bytes after it', concatBytes(rlp([STRANGER, 0, 1n]), Uint8Array.of(0))],
    ['a fourth member', rlp([STRANGER, 0, 1n, 1n])],
    ['too large a balance', rlp([STRANGER, 0, MAX_OVERRIDE_BALANCE])],
    ['too large a nonce', rlp([STRANGER, 1, MAX_OVERRIDE_NONCE])],
  ])('is refused with %s in its place', async (_, bytes) => {
    const chain = await open()
    // Sealed as it stands: the engine that makes it does not look.
    const blind = { ...engine(), override: () => undefined }
    const other = await open(blind)
    const block = await carrying(other, bytes, [])
    expect(await verdict(chain, block)).toBe('bad-extra-data')
  })
})
