import type { RecoveryQuestion } from './recovery-question.ts'
import { recoverSigner } from './sender.ts'

export interface SignedHash {
  /** 32 bytes. */
  readonly hash: Uint8Array
  /** r ‖ s ‖ yParity, 65 bytes. */
  readonly signature: Uint8Array
}

const SIGNATURE_AT = 32
const ITEM_BYTES = SIGNATURE_AT + 65
/** Status (1 recovered, 0 signed by nobody), address. */
const ADDRESS_AT = 1
const RECORD_BYTES = ADDRESS_AT + 20

/** Who signed hashes: their addresses, as `recoverSigner` has them. Items and records of fixed size, one after the other. */
export const signersQuestion: RecoveryQuestion<SignedHash, Uint8Array | undefined> = {
  sizeBytes: () => ITEM_BYTES,

  pack(items, start, end) {
    const question = new Uint8Array(new ArrayBuffer((end - start) * ITEM_BYTES))
    for (let i = start; i < end; i++) {
      const { hash, signature } = items[i]!
      question.set(hash, (i - start) * ITEM_BYTES)
      question.set(signature, (i - start) * ITEM_BYTES + SIGNATURE_AT)
    }
    return question.buffer
  },

  answer(recovery, question) {
    const count = question.byteLength / ITEM_BYTES
    const answer = new Uint8Array(new ArrayBuffer(count * RECORD_BYTES))
    for (let i = 0; i < count; i++) {
      const item = new Uint8Array(question, i * ITEM_BYTES, ITEM_BYTES)
      const address = recoverSigner(recovery, item.subarray(0, SIGNATURE_AT), item.subarray(SIGNATURE_AT))
      if (address === undefined) continue
      answer[i * RECORD_BYTES] = 1
      answer.set(address, i * RECORD_BYTES + ADDRESS_AT)
    }
    return answer.buffer
  },

  read(answer, _items, start, results) {
    const bytes = new Uint8Array(answer)
    const count = bytes.length / RECORD_BYTES
    for (let i = 0; i < count; i++) {
      const at = i * RECORD_BYTES
      results[start + i] = bytes[at] === 0 ? undefined : bytes.slice(at + ADDRESS_AT, at + RECORD_BYTES)
    }
  },
}
