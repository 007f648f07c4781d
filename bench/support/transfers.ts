import { toHex } from '../../src/primitives/bytes.ts'
import { accountAddress, allKeyed, signedTransfer } from './network.ts'
import { callRpcBatch } from './rpc-call.ts'

/** What `rpc-load-run.ts send` prints. */
export interface SendRun {
  readonly perSecond: number
  /** When the first was sent, since the Unix epoch. */
  readonly startedMs: number
}

/** Transactions in a message. */
const BATCH = 100

/**
 * The transfers `[first, first + count)` of a network whose accounts all have keys, as hex: the accounts take turns, so
 * that nonces come in order whoever goes on with the next.
 */
export function rawTransfers(accounts: number, first: number, count: number): string[] {
  const keyed = allKeyed(accounts)
  return Array.from({ length: count }, (_, i) => {
    const index = first + i
    const to = accountAddress((index * 7 + 1) % accounts, keyed)
    return toHex(signedTransfer(index % accounts, BigInt(Math.floor(index / accounts)), to).raw)
  })
}

/** Hands transfers in, one message after another. */
export async function submit(url: string, transfers: readonly string[]): Promise<void> {
  for (let at = 0; at < transfers.length; at += BATCH) {
    const batch = transfers.slice(at, at + BATCH)
    await callRpcBatch(
      url,
      batch.map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] })),
    )
  }
}
