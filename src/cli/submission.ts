import { RECEIPT_POLL_MS, RECEIPT_SILENCE_MS, RECEIPT_TIMEOUT_MS } from './limits.ts'
import { RpcAnswerError, type RpcClient } from './rpc-client.ts'

/** What became of a transaction is not known: it may be on its way, or in a block. Sending anew could pay twice. */
export class UnsettledError extends Error {
  override readonly name = 'UnsettledError'
}

/** A node that timed out, and one that failed: it may have taken the transaction before. Other codes are refusals (EIP-1474). */
const UNSETTLED_CODES: readonly number[] = [-32002, -32603]

/** @param nonce  what another transaction must have for at most one of the two to count. */
export interface Submission {
  readonly raw: string
  readonly hash: string
  readonly nonce: bigint
}

/**
 * Hands a signed transaction to the node. One that the node knows is sent, whatever it answered: an answer can get lost, and
 * something between may have asked twice.
 * @throws RpcAnswerError if the node refuses it; UnsettledError if it may be sent.
 */
export async function submit(rpc: RpcClient, { raw, hash, nonce }: Submission): Promise<void> {
  let refusal: RpcAnswerError | undefined
  try {
    if ((await rpc.call('eth_sendRawTransaction', [raw])) === hash) return
  } catch (error) {
    if (error instanceof RpcAnswerError) {
      if (/\balready known\b/.test(error.message)) return
      if (!UNSETTLED_CODES.includes(error.code)) refusal = error
    }
  }
  const known = await rpc.call('eth_getTransactionByHash', [hash]).catch(() => null)
  if (known !== null) return
  throw (
    refusal ??
    new UnsettledError(`${hash} may have been sent; ask \`idobata tx ${hash}\` before sending again (nonce ${nonce})`)
  )
}

/**
 * Resolves with the receipt; a node may fail to answer for a while.
 * @throws UnsettledError, also when interrupted: the transaction is sent all the same.
 */
export async function waitForReceipt(rpc: RpcClient, hash: string): Promise<unknown> {
  const endMs = performance.now() + RECEIPT_TIMEOUT_MS
  let answeredMs = performance.now()
  while (performance.now() < endMs && !rpc.interrupted) {
    try {
      const receipt = await rpc.call('eth_getTransactionReceipt', [hash])
      if (receipt !== null) return receipt
      answeredMs = performance.now()
    } catch (error) {
      if (performance.now() - answeredMs > RECEIPT_SILENCE_MS) {
        throw new UnsettledError(
          `${hash} was sent, but whether it is mined is not known: ${error instanceof Error ? error.message : error}`,
        )
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RECEIPT_POLL_MS))
  }
  if (rpc.interrupted) throw new UnsettledError(`${hash} was sent; \`idobata tx ${hash}\` tells when it is mined`)
  const seconds = RECEIPT_TIMEOUT_MS / 1000
  throw new UnsettledError(`${hash} was sent, but is not mined after ${seconds} s; \`idobata tx\` tells when it is`)
}
