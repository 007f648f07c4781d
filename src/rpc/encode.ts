import { logsBloom } from '../crypto/hashes.ts'
import { keccak256 } from '../crypto/keccak.ts'
import { bytesToBigint, toHex } from '../primitives/bytes.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { PlacedReceipt } from '../primitives/receipt.ts'
import { effectiveTip, signatureOf, type Transaction, type TransactionFields } from '../primitives/transaction.ts'
import type { ChainBlock, ChainHeader, MinedTransaction, SignedTransaction, SyncProgress } from './backend.ts'
import type { PlacedLog } from './events.ts'
import type { Json, JsonObject } from './json.ts'

/** Domain objects as Ethereum JSON, member for member what geth sends, so that every client's parser accepts it. */

export function quantity(value: bigint | number): string {
  return `0x${value.toString(16)}`
}

function optionalHex(bytes: Uint8Array | undefined): string | null {
  return bytes ? toHex(bytes) : null
}

function headerMembers(hash: Uint8Array, header: Header, totalDifficulty: bigint) {
  return {
    hash: toHex(hash),
    parentHash: toHex(header.parentHash),
    sha3Uncles: toHex(header.ommersHash),
    miner: toHex(header.miner),
    stateRoot: toHex(header.stateRoot),
    transactionsRoot: toHex(header.transactionsRoot),
    receiptsRoot: toHex(header.receiptsRoot),
    logsBloom: toHex(header.logsBloom),
    difficulty: quantity(header.difficulty),
    totalDifficulty: quantity(totalDifficulty),
    number: quantity(header.number),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: quantity(header.timestamp),
    extraData: toHex(header.extraData),
    mixHash: toHex(header.mixHash),
    nonce: toHex(header.nonce),
    baseFeePerGas: quantity(header.baseFeePerGas),
  }
}

export function encodeHeader({ hash, header, totalDifficulty }: ChainHeader): JsonObject {
  return headerMembers(hash, header, totalDifficulty)
}

/** `transactions` are hashes or whole objects, as the caller asked. */
export function encodeBlock(block: ChainBlock, transactions: readonly Json[]): JsonObject {
  return {
    ...headerMembers(block.hash, block.header, block.totalDifficulty),
    size: quantity(block.sizeBytes),
    transactions,
    uncles: [],
  }
}

/** EIP-55: an address whose letters' case is a checksum, as geth has it where it is a name of a member. */
export function checksumAddress(address: Uint8Array): string {
  const digits = toHex(address).slice(2)
  const hash = toHex(keccak256(new TextEncoder().encode(digits))).slice(2)
  return `0x${[...digits].map((digit, i) => (hash[i]! >= '8' ? digit.toUpperCase() : digit)).join('')}`
}

/** Where a transaction is. */
type Place = Pick<MinedTransaction, 'header' | 'index'>

/** Wei per gas that a transaction pays in a block of this base fee. */
export function effectiveGasPrice(tx: Transaction, baseFeePerGas: bigint): bigint {
  return baseFeePerGas + effectiveTip(tx, baseFeePerGas)
}

/** `mined` undefined: pending, with null in the block's members. */
export function encodeTransaction({ tx, hash, sender }: SignedTransaction, mined?: Place): JsonObject {
  const header = mined?.header.header
  const { r, s } = signatureOf(tx)
  return {
    blockHash: optionalHex(mined?.header.hash),
    blockNumber: header ? quantity(header.number) : null,
    transactionIndex: mined ? quantity(mined.index) : null,
    hash: toHex(hash),
    from: toHex(sender),
    to: optionalHex(tx.to),
    nonce: quantity(tx.nonce),
    gas: quantity(tx.gasLimit),
    gasPrice: quantity(header ? effectiveGasPrice(tx, header.baseFeePerGas) : tx.maxFeePerGas),
    value: quantity(tx.value),
    input: toHex(tx.data),
    type: quantity(tx.type),
    ...typedMembers(tx),
    ...signatureV(tx),
    r: quantity(bytesToBigint(r)),
    s: quantity(bytesToBigint(s)),
  }
}

/** What a wallet is to sign. */
export function encodeUnsigned(fields: TransactionFields, sender: Uint8Array): Json {
  return {
    from: toHex(sender),
    to: optionalHex(fields.to),
    nonce: quantity(fields.nonce),
    gas: quantity(fields.gasLimit),
    ...(fields.type !== 2 && { gasPrice: quantity(fields.maxFeePerGas) }),
    value: quantity(fields.value),
    input: toHex(fields.data),
    type: quantity(fields.type),
    ...typedMembers(fields),
  }
}

/** What only transactions of some types have. */
function typedMembers({ type, chainId, accessList, ...fees }: TransactionFields): JsonObject {
  return {
    ...(chainId !== undefined && { chainId: quantity(chainId) }),
    ...(type !== 0 && {
      accessList: accessList.map(({ address, storageKeys }) => ({
        address: toHex(address),
        storageKeys: storageKeys.map(toHex),
      })),
    }),
    ...(type === 2 && {
      maxFeePerGas: quantity(fees.maxFeePerGas),
      maxPriorityFeePerGas: quantity(fees.maxPriorityFeePerGas),
    }),
  }
}

function signatureV({ type, chainId, yParity }: Transaction): JsonObject {
  if (type !== 0) return { v: quantity(yParity), yParity: quantity(yParity) }
  return { v: quantity(chainId === undefined ? 27 + yParity : 35n + 2n * chainId + BigInt(yParity)) }
}

export function encodeReceipt(
  { tx, hash, sender, header: block, index }: MinedTransaction,
  { receipt, gasUsed, firstLogIndex }: PlacedReceipt,
): JsonObject {
  const place = {
    blockHash: toHex(block.hash),
    blockNumber: quantity(block.header.number),
    transactionHash: toHex(hash),
    transactionIndex: quantity(index),
  }
  return {
    ...place,
    from: toHex(sender),
    to: optionalHex(tx.to),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(gasUsed),
    effectiveGasPrice: quantity(effectiveGasPrice(tx, block.header.baseFeePerGas)),
    contractAddress: null,
    logs: receipt.logs.map((log, position) =>
      encodeLog(
        { log, transactionHash: hash, transactionIndex: index, logIndex: firstLogIndex + position },
        block,
        false,
      ),
    ),
    logsBloom: toHex(logsBloom(receipt.logs)),
    status: quantity(receipt.status),
    type: quantity(receipt.type),
  }
}

/** @param removed  by a reorg that took its block away. */
export function encodeLog(placed: PlacedLog, { hash, header }: HashedHeader, removed: boolean): Json {
  const { log, transactionHash, transactionIndex, logIndex } = placed
  return {
    address: toHex(log.address),
    topics: log.topics.map(toHex),
    data: toHex(log.data),
    blockHash: toHex(hash),
    blockNumber: quantity(header.number),
    transactionHash: toHex(transactionHash),
    transactionIndex: quantity(transactionIndex),
    logIndex: quantity(logIndex),
    removed,
  }
}

export function encodeSyncing({ startingBlock, currentBlock, highestBlock, stages }: SyncProgress): Json {
  return {
    startingBlock: quantity(startingBlock),
    currentBlock: quantity(currentBlock),
    highestBlock: quantity(highestBlock),
    stages: stages.map(({ name, block }) => ({ stage_name: name, block_number: quantity(block) })),
  }
}
