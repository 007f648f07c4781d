import type { BlockErrorCode } from '../../primitives/errors.ts'

export type SyncFaultCode =
  /** A header breaks a rule. */
  | 'invalid-header'
  /** Headers do not follow one another, or are not those asked for: a lie, or a reorg between two answers. */
  | 'unconnected-headers'
  /** The chain ended before it had the work that the peer claims. */
  | 'false-claim'
  /** The second download was not the chain that was counted in the first. */
  | 'broken-commitment'
  /** A body is not the one its header names. */
  | 'wrong-body'
  /** A block of the chain that the peer follows is invalid: whoever follows it has not executed it. */
  | 'invalid-block'
  /** The answer breaks the protocol. */
  | 'bad-answer'
  /** No answer in time. */
  | 'stalled'
  /** It had not got what it should have, or refused, or was gone. */
  | 'unhelpful'

/** What a peer deserves. `none`: asked again after a pause. */
export type Penalty = 'ban' | 'discourage' | 'none'

/** Bans are for what an honest node cannot do, whatever its peers did to it. */
export const PENALTIES = {
  'invalid-header': 'ban',
  'unconnected-headers': 'none',
  'false-claim': 'discourage',
  'broken-commitment': 'discourage',
  'wrong-body': 'ban',
  // Known by our own execution alone, of headers that have their work: a fault of ours would ban everybody honest.
  'invalid-block': 'discourage',
  'bad-answer': 'discourage',
  stalled: 'none',
  unhelpful: 'none',
} as const satisfies Record<SyncFaultCode, Penalty>

/** What a peer did wrong while we caught up with it. */
export class SyncFault extends Error {
  override readonly name = 'SyncFault'
  readonly code: SyncFaultCode
  /** The rule that was broken, if it is one of the ledger's. */
  readonly rule: BlockErrorCode | undefined

  constructor(code: SyncFaultCode, rule?: BlockErrorCode) {
    super(rule === undefined ? code : `${code}: ${rule}`)
    this.code = code
    this.rule = rule
  }
}
