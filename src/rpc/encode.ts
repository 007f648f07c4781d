import { logsBloom } from '../crypto/hashes.ts'
import { bytesToBigint, toHex } from '../primitives/bytes.ts'
import type { Header } from '../primitives/header.ts'
import type { Receipt } from '../primitives/receipt.ts'
import { effectiveTip, type Transaction } from '../primitives/transaction.ts'
import type { ChainBlock, ChainHeader, MinedTransaction, SignedTransaction } from './backend.ts'
import type { Json } from './json.ts'

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

export function encodeHeader({ hash, header, totalDifficulty }: ChainHeader): Json {
  return headerMembers(hash, header, totalDifficulty)
}

/** `transactions` are hashes or whole objects, as the caller asked. */
export function encodeBlock(block: ChainBlock, transactions: readonly Json[]): Json {
  return {
    ...headerMembers(block.hash, block.header, block.totalDifficulty),
    size: quantity(block.sizeBytes),
    transactions,
    uncles: [],
  }
}

/** Wei per gas that a transaction pays in a block of this base fee. */
function effectiveGasPrice(tx: Transaction, baseFeePerGas: bigint): bigint {
  return baseFeePerGas + effectiveTip(tx, baseFeePerGas)
}

/** `inclusion` undefined: pending, with null in the block's members. */
export function encodeTransaction(
  { tx, hash, sender }: SignedTransaction,
  inclusion: MinedTransaction | undefined,
): Json {
  const header = inclusion?.block.header
  return {
    blockHash: optionalHex(inclusion?.block.hash),
    blockNumber: header ? quantity(header.number) : null,
    transactionIndex: inclusion ? quantity(inclusion.index) : null,
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
    r: quantity(bytesToBigint(tx.r)),
    s: quantity(bytesToBigint(tx.s)),
  }
}

function typedMembers(tx: Transaction): Record<string, Json> {
  if (tx.type === 0) {
    if (tx.chainId === undefined) return { v: quantity(27 + tx.yParity) }
    return { chainId: quantity(tx.chainId), v: quantity(35n + 2n * tx.chainId + BigInt(tx.yParity)) }
  }
  return {
    chainId: quantity(tx.chainId ?? 0n),
    accessList: tx.accessList.map(({ address, storageKeys }) => ({
      address: toHex(address),
      storageKeys: storageKeys.map(toHex),
    })),
    ...(tx.type === 2 && {
      maxFeePerGas: quantity(tx.maxFeePerGas),
      maxPriorityFeePerGas: quantity(tx.maxPriorityFeePerGas),
    }),
    v: quantity(tx.yParity),
    yParity: quantity(tx.yParity),
  }
}

/** Gas that the transaction at `index` used by itself. */
export function gasUsed(receipts: readonly Receipt[], index: number): bigint {
  return receipts[index]!.cumulativeGasUsed - (receipts[index - 1]?.cumulativeGasUsed ?? 0n)
}

/** The receipt at `index`; `receipts` are those of the whole block, since log numbers and gas count through it. */
export function encodeReceipt(
  { tx, hash, sender }: SignedTransaction,
  { block, index }: MinedTransaction,
  receipts: readonly Receipt[],
): Json {
  const receipt = receipts[index]!
  const place = {
    blockHash: toHex(block.hash),
    blockNumber: quantity(block.header.number),
    transactionHash: toHex(hash),
    transactionIndex: quantity(index),
  }
  const logsBefore = receipts.slice(0, index).reduce((sum, { logs }) => sum + logs.length, 0)
  return {
    ...place,
    from: toHex(sender),
    to: optionalHex(tx.to),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(gasUsed(receipts, index)),
    effectiveGasPrice: quantity(effectiveGasPrice(tx, block.header.baseFeePerGas)),
    contractAddress: null,
    logs: receipt.logs.map(({ address, topics, data }, position) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
      ...place,
      logIndex: quantity(logsBefore + position),
      removed: false,
    })),
    logsBloom: toHex(logsBloom(receipt.logs)),
    status: quantity(receipt.status),
    type: quantity(receipt.type),
  }
}
