import { keyAt } from '../primitives/bytes.ts'
import { TxError } from '../primitives/errors.ts'
import { decodeTransaction, type RecoveredTransaction, type Transaction } from '../primitives/transaction.ts'
import { transactionHash } from './hashes.ts'
import { keccak256 } from './keccak.ts'
import type { Recovery } from './recovery.ts'
import type { RecoveryQuestion } from './recovery-question.ts'
import { recoverSender } from './sender.ts'

/**
 * Who sent transactions.
 *
 * Question: count, then the length of each encoding (unsigned 32 bits, this machine's byte order), then the encodings.
 * Answer: one record of RECORD_BYTES per transaction.
 */
export const sendersQuestion: RecoveryQuestion<Transaction, RecoveredTransaction | TxError> = {
  sizeBytes: ({ raw }) => raw.length,
  pack: packTransactions,
  answer: answerTransactions,
  read: readSenders,
}

/** Record: status (1 recovered, 0 invalid signature), hash, sender, keccak256(sender), keccak256(to) or zeros. */
const HASH_AT = 1
const SENDER_AT = HASH_AT + 32
const SENDER_KEY_AT = SENDER_AT + 20
const RECIPIENT_KEY_AT = SENDER_KEY_AT + 32
const RECORD_BYTES = RECIPIENT_KEY_AT + 32

function packTransactions(transactions: readonly Transaction[], start: number, end: number): ArrayBuffer {
  const count = end - start
  let offset = 4 * (1 + count)
  let size = offset
  for (let i = start; i < end; i++) size += transactions[i]!.raw.length
  const question = new ArrayBuffer(size)
  const lengths = new Uint32Array(question, 0, 1 + count)
  const bytes = new Uint8Array(question)
  lengths[0] = count
  for (let i = 0; i < count; i++) {
    const { raw } = transactions[start + i]!
    lengths[1 + i] = raw.length
    bytes.set(raw, offset)
    offset += raw.length
  }
  return question
}

/** @throws DecodeError, TxError: a bug, since whoever asked had decoded the same bytes. */
function answerTransactions(recovery: Recovery, question: ArrayBuffer): ArrayBuffer {
  const count = new Uint32Array(question, 0, 1)[0]!
  const lengths = new Uint32Array(question, 4, count)
  const encodings = new Uint8Array(question, 4 * (1 + count))
  const answer = new Uint8Array(new ArrayBuffer(count * RECORD_BYTES))
  let offset = 0
  for (let i = 0; i < count; i++) {
    const end = offset + lengths[i]!
    writeRecord(answer, i * RECORD_BYTES, recovery, decodeTransaction(encodings.subarray(offset, end)))
    offset = end
  }
  return answer.buffer
}

function writeRecord(answer: Uint8Array, at: number, recovery: Recovery, tx: Transaction): void {
  const sender = recoverSender(recovery, tx)
  if (sender === undefined) return
  answer[at] = 1
  answer.set(transactionHash(tx), at + HASH_AT)
  answer.set(sender, at + SENDER_AT)
  answer.set(keccak256(sender), at + SENDER_KEY_AT)
  if (tx.to !== undefined) answer.set(keccak256(tx.to), at + RECIPIENT_KEY_AT)
}

function readSenders(
  answer: ArrayBuffer,
  transactions: readonly Transaction[],
  start: number,
  results: (RecoveredTransaction | TxError)[],
): void {
  const bytes = new Uint8Array(answer)
  const count = bytes.length / RECORD_BYTES
  for (let i = 0; i < count; i++) {
    const at = i * RECORD_BYTES
    const tx = transactions[start + i]!
    results[start + i] =
      bytes[at] === 0
        ? new TxError('invalid-signature')
        : {
            tx,
            hash: bytes.subarray(at + HASH_AT, at + SENDER_AT),
            sender: bytes.subarray(at + SENDER_AT, at + SENDER_KEY_AT),
            senderKey: keyAt(bytes, at + SENDER_KEY_AT, at + RECIPIENT_KEY_AT),
            recipientKey: tx.to === undefined ? '' : keyAt(bytes, at + RECIPIENT_KEY_AT, at + RECORD_BYTES),
          }
  }
}
