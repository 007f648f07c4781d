import { COIN } from '../primitives/limits.ts'

/** Milliseconds for one answer: longer than any node takes that is alive. */
export const RPC_TIMEOUT_MS = 40_000
/** Bytes of one answer: what is asked may be no node, and never stop. Our own answers end at 25 MB. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** Characters of an answer that makes no sense, shown to whoever asked. */
export const MAX_QUOTED = 200
/** Milliseconds between looks for a receipt. */
export const RECEIPT_POLL_MS = 250
/** Milliseconds without an answer before `send --wait` gives up: a node that restarts takes less. */
export const RECEIPT_SILENCE_MS = 60_000
/** Milliseconds that `send --wait` waits: some sixty blocks of the default network. */
export const RECEIPT_TIMEOUT_MS = 600_000
/** Bytes read from a file or standard input that should hold a password, a key or a mnemonic. */
export const MAX_SECRET_BYTES = 64 * 1024
/** Lines of the console's history kept. */
export const MAX_HISTORY_LINES = 1_000
/** Wei that a transaction may cost in fees before gas and price have to be named: a node could answer with any. As geth's own cap. */
export const MAX_UNASKED_FEE = COIN
