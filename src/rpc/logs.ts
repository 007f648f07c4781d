import { equalBytes } from '../primitives/bytes.ts'
import type { Log } from '../primitives/receipt.ts'
import type { BlockRef } from './backend.ts'
import type { AnnouncedBlock, PlacedLog } from './events.ts'
import { MAX_LOG_ADDRESSES, MAX_LOG_TOPICS } from './limits.ts'
import { address, arrayOf, blockNumber, hash32, InvalidParam, object, optional, type ParamType } from './schema.ts'

/** Which logs are wanted. */
export interface LogCriteria {
  /** Any of these contracts; undefined: all. */
  readonly address: readonly Uint8Array[] | undefined
  /** By position, any of these topics; undefined: whatever stands there. */
  readonly topics: readonly (readonly Uint8Array[] | undefined)[] | undefined
}

/** What is named once may stand alone. */
function oneOrMany<T>(item: ParamType<T>, maxItems: number): ParamType<readonly T[]> {
  const many = arrayOf(item, maxItems)
  return {
    schema: { oneOf: [item.schema, many.schema] },
    parse: (value) => (Array.isArray(value) ? many.parse(value) : [item.parse(value)]),
  }
}

const topicsAt = oneOrMany(hash32, MAX_LOG_TOPICS)

/** An empty list is no condition, as in geth. */
const topicPosition: ParamType<readonly Uint8Array[] | undefined> = {
  schema: { anyOf: [topicsAt.schema, { type: 'null' }] },
  parse(value) {
    const topics = value === null ? [] : topicsAt.parse(value)
    return topics.length === 0 ? undefined : topics
  },
}

const conditions = {
  address: optional(oneOrMany(address, MAX_LOG_ADDRESSES)),
  topics: optional(arrayOf(topicPosition, 4)),
}

/** Which logs a subscription wants. */
export const logCriteria: ParamType<LogCriteria> = object(conditions)

export interface LogQuery extends LogCriteria {
  readonly fromBlock: BlockRef | undefined
  readonly toBlock: BlockRef | undefined
  /** Instead of a range. */
  readonly blockHash: Uint8Array | undefined
}

const queryFields = object({
  ...conditions,
  fromBlock: optional(blockNumber),
  toBlock: optional(blockNumber),
  blockHash: optional(hash32),
})

/** Which logs, and of which blocks. */
export const logQuery: ParamType<LogQuery> = {
  schema: queryFields.schema,
  parse(value) {
    const query = queryFields.parse(value)
    const { fromBlock, toBlock, blockHash } = query
    if (blockHash && (fromBlock || toBlock)) {
      throw new InvalidParam('cannot specify both BlockHash and FromBlock/ToBlock, choose one or the other')
    }
    const isBackwards = numberOf(fromBlock, 0) > numberOf(toBlock, Number.POSITIVE_INFINITY)
    if (isBackwards) throw new InvalidParam('invalid block range params')
    return query
  },
}

export function matchesLog({ address: addresses, topics = [] }: LogCriteria, log: Log): boolean {
  if (addresses && addresses.length > 0 && !includes(addresses, log.address)) return false
  return topics.every((wanted, position) => {
    const topic = log.topics[position]
    return topic !== undefined && (wanted === undefined || includes(wanted, topic))
  })
}

/** Whether a block of that height is meant; only numbers say no, since tags move. */
export function coversBlock({ fromBlock, toBlock }: LogQuery, height: number): boolean {
  return numberOf(fromBlock, 0) <= height && height <= numberOf(toBlock, Number.POSITIVE_INFINITY)
}

/** The logs of an announced block that are wanted. */
export function wantedLogs(criteria: LogCriteria, { logs }: AnnouncedBlock): readonly PlacedLog[] {
  return logs.filter(({ log }) => matchesLog(criteria, log))
}

function numberOf(ref: BlockRef | undefined, otherwise: number): number {
  return ref && 'number' in ref ? ref.number : otherwise
}

function includes(list: readonly Uint8Array[], wanted: Uint8Array): boolean {
  return list.some((entry) => equalBytes(entry, wanted))
}
