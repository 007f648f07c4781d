import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import type { Genesis } from '../../src/chain/genesis.ts'
import type { Engine } from '../../src/consensus/engine.ts'
import { createPoa } from '../../src/consensus/poa.ts'
import { keccak256 } from '../../src/crypto/keccak.ts'
import { nativeRecovery } from '../../src/crypto/native.ts'
import { recoverSigner } from '../../src/crypto/sender.ts'
import { systemClock } from '../../src/node/system.ts'
import { EMPTY_TRIE_ROOT } from '../../src/primitives/account.ts'
import { EMPTY_BYTES, toHex } from '../../src/primitives/bytes.ts'
import { EMPTY_OMMERS_HASH } from '../../src/primitives/header.ts'
import { COIN, INITIAL_BASE_FEE } from '../../src/primitives/limits.ts'
import { EMPTY_BLOOM } from '../../src/primitives/receipt.ts'
import { assembleTransaction, encodeForSigning, type Transaction } from '../../src/primitives/transaction.ts'

/**
 * The bench network: one signer sealing a block a second, room for 13,000 transfers in each, and accounts rich enough for
 * any base fee that full blocks lead to.
 */
const BENCH_CHAIN_ID = 1_444_444n
const GAS_LIMIT = 600_000_000n
/** As in the network that is shipped: more would fit neither into a compact block nor into an answer. */
const MAX_BLOCK_BYTES = 1.5 * 1024 * 1024
const PERIOD_SEC = 1
const GENESIS_TIMESTAMP = 1_700_000_000

interface NativeSecp256k1 {
  publicKeyCreate(key: Uint8Array, compressed: boolean): Uint8Array
  ecdsaSign(hash: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number }
}

/** Signing a few hundred thousand transactions with noble would take longer than everything that is measured. */
const native = createRequire(import.meta.url)('secp256k1/bindings.js') as NativeSecp256k1

/** The private key of account `index`. */
function privateKey(index: number): Uint8Array {
  return createHash('sha256').update(`idobata bench account ${index}`).digest()
}

function addressOf(key: Uint8Array): Uint8Array {
  return keccak256(native.publicKeyCreate(key, false).subarray(1)).slice(12)
}

/** Of the network's only signer. */
export const SIGNER_KEY = privateKey(-1)
export const SIGNER_ADDRESS = addressOf(SIGNER_KEY)

/** Signs with native code: r ‖ s ‖ yParity. */
function sign(hash: Uint8Array, key: Uint8Array): Uint8Array {
  const { signature, recid } = native.ecdsaSign(hash, key)
  const joined = new Uint8Array(65)
  joined.set(signature)
  joined[64] = recid
  return joined
}

/** The network's signer signs: r ‖ s ‖ yParity. */
export function signHash(hash: Uint8Array): Uint8Array {
  return sign(hash, SIGNER_KEY)
}

/** For `benchGenesis`: every one of so many accounts can sign. */
export function allKeyed(accounts: number): ReadonlySet<number> {
  return new Set(Array.from({ length: accounts }, (_, index) => index))
}

/** `accounts` accounts. Those in `keyed` can sign; the others are addresses nobody has a key of. */
export function benchGenesis(accounts: number, keyed: ReadonlySet<number>): Genesis {
  return {
    params: {
      chainId: BENCH_CHAIN_ID,
      maxGasLimit: GAS_LIMIT,
      gasLimitTarget: GAS_LIMIT,
      maxBlockBytes: MAX_BLOCK_BYTES,
    },
    engine: { name: 'poa', settings: { engine: 'poa', signers: [toHex(SIGNER_ADDRESS)], period: PERIOD_SEC } },
    header: {
      parentHash: new Uint8Array(32),
      ommersHash: EMPTY_OMMERS_HASH,
      miner: new Uint8Array(20),
      transactionsRoot: EMPTY_TRIE_ROOT,
      receiptsRoot: EMPTY_TRIE_ROOT,
      logsBloom: EMPTY_BLOOM,
      difficulty: 1n,
      number: 0,
      gasLimit: GAS_LIMIT,
      gasUsed: 0n,
      timestamp: GENESIS_TIMESTAMP,
      extraData: new Uint8Array(97),
      mixHash: new Uint8Array(32),
      nonce: new Uint8Array(8),
      baseFeePerGas: INITIAL_BASE_FEE,
    },
    accounts: { [Symbol.iterator]: () => benchAccounts(accounts, keyed) },
    digest: keccak256(new TextEncoder().encode(`bench ${accounts}`)),
  }
}

function* benchAccounts(accounts: number, keyed: ReadonlySet<number>) {
  for (let index = 0; index < accounts; index++) {
    yield {
      address: accountAddress(index, keyed),
      nonce: 0n,
      balance: 1_000_000n * COIN,
      code: EMPTY_BYTES,
      storage: [],
    }
  }
}

export function accountAddress(index: number, keyed: ReadonlySet<number>): Uint8Array {
  return keyed.has(index) ? addressOf(privateKey(index)) : privateKey(index).subarray(0, 20)
}

/** A transfer of one gwei, signed. */
export function signedTransfer(from: number, nonce: bigint, to: Uint8Array): Transaction {
  const fields = {
    type: 2,
    chainId: BENCH_CHAIN_ID,
    nonce,
    maxPriorityFeePerGas: 1_000_000_000n,
    maxFeePerGas: 1_000_000_000_000n,
    gasLimit: 21_000n,
    to,
    value: 1_000_000_000n,
    data: EMPTY_BYTES,
    accessList: [],
  } as const
  const signature = sign(keccak256(encodeForSigning(fields)), privateKey(from))
  return assembleTransaction(fields, {
    r: BigInt(`0x${Buffer.from(signature.subarray(0, 32)).toString('hex')}`),
    s: BigInt(`0x${Buffer.from(signature.subarray(32, 64)).toString('hex')}`),
    yParity: signature[64] === 0 ? 0 : 1,
  })
}

/** The bench network's engine; it can seal. */
export function benchEngine(): Engine {
  const recovery = nativeRecovery()
  return createPoa(
    { signers: [SIGNER_ADDRESS], periodSec: PERIOD_SEC, maxFutureSeconds: undefined },
    {
      clock: systemClock,
      recoverSigner: (hash, signature) => recoverSigner(recovery, hash, signature),
      signer: { address: SIGNER_ADDRESS, signHash },
    },
  )
}
