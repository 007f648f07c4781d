import { toHex } from '../primitives/bytes.ts'
import type { Clock } from '../primitives/clock.ts'
import { THIS_MACHINE } from './caller.ts'
import { ChangeJournal } from './change-journal.ts'
import { encodeLog } from './encode.ts'
import { LIMIT_EXCEEDED, RpcError, SERVER_ERROR } from './errors.ts'
import type { AnnouncedBlock, NodeEvent, NodeEvents } from './events.ts'
import type { Json } from './json.ts'
import { FILTER_LIFETIME_MS, MAX_FILTER_BACKLOG, MAX_FILTERS, MAX_FILTERS_PER_CLIENT } from './limits.ts'
import { coversBlock, type LogQuery, wantedLogs } from './logs.ts'

type Kind = 'blocks' | 'pending' | 'logs'

interface Filter {
  readonly client: string
  readonly kind: Kind
  /** Of logs. */
  readonly query: LogQuery | undefined
  /** How far its client has read. */
  position: number
  usedMs: number
}

/** A block that joined or left, as log filters see it. */
interface LogChange {
  readonly block: AnnouncedBlock
  readonly removed: boolean
}

export interface FiltersComponents {
  readonly events: NodeEvents
  readonly clock: Clock
  /** An id that nobody can guess: whoever knows it reads on for its owner. */
  readonly createId: () => string
}

/**
 * Changes to be asked for, for clients that cannot be told of them. Filters belong to nobody and their owners may never
 * come back, so they are bounded in number, expire, and share what they are kept for.
 */
export class Filters {
  readonly #clock: Clock
  readonly #createId: () => string
  readonly #filters = new Map<string, Filter>()
  readonly #counts: Record<Kind, number> = { blocks: 0, pending: 0, logs: 0 }
  readonly #blocks = new ChangeJournal<string>({ capacity: MAX_FILTER_BACKLOG })
  readonly #pending = new ChangeJournal<string>({ capacity: MAX_FILTER_BACKLOG })
  readonly #logs = new ChangeJournal<LogChange>({ capacity: MAX_FILTER_BACKLOG })
  readonly #unsubscribe: () => void
  #cancelSweep: (() => void) | undefined

  constructor({ events, clock, createId }: FiltersComponents) {
    this.#clock = clock
    this.#createId = createId
    this.#unsubscribe = events.subscribe((event) => this.#record(event))
  }

  stop(): void {
    this.#unsubscribe()
    this.#cancelSweep?.()
  }

  /** @returns the filter's id. @throws RpcError -32005 if there are too many. */
  create(client: string, kind: 'blocks' | 'pending'): string
  create(client: string, kind: 'logs', query: LogQuery): string
  create(client: string, kind: Kind, query?: LogQuery): string {
    this.#sweep()
    const own = [...this.#filters.values()].filter((filter) => filter.client === client).length
    if (own >= MAX_FILTERS_PER_CLIENT && client !== THIS_MACHINE)
      throw tooMany(`${MAX_FILTERS_PER_CLIENT} filters of one client`)
    if (this.#filters.size >= MAX_FILTERS) throw tooMany(`${MAX_FILTERS} filters`)
    const id = this.#createId()
    const position = this.#journal(kind).end
    this.#counts[kind]++
    this.#filters.set(id, { client, kind, query, position, usedMs: this.#clock.nowMs() })
    this.#cancelSweep ??= this.#clock.after(FILTER_LIFETIME_MS, () => this.#sweepLater())
    return id
  }

  /**
   * What has happened since the last call: hashes, or logs.
   * @throws RpcError `filter not found`, also for one that has expired or fallen too far behind.
   */
  changes(id: string): Json[] {
    const filter = this.#find(id)
    const { kind, query, position } = filter
    const journal = this.#journal(kind)
    const changes = journal.since(position)
    if (changes === undefined) {
      this.uninstall(id)
      throw notFound()
    }
    filter.position = journal.end
    return query ? (changes as readonly LogChange[]).flatMap((change) => logsOf(query, change)) : (changes as string[])
  }

  /** What a log filter looks for. @throws RpcError `filter not found` for other kinds as well. */
  query(id: string): LogQuery {
    const { query } = this.#find(id)
    if (!query) throw notFound()
    return query
  }

  /** @returns whether there was such a filter. */
  uninstall(id: string): boolean {
    const filter = this.#filters.get(id)
    if (!filter) return false
    this.#filters.delete(id)
    if (--this.#counts[filter.kind] === 0) this.#journal(filter.kind).clear()
    return true
  }

  #find(id: string): Filter {
    const filter = this.#filters.get(id)
    if (!filter || this.#isExpired(filter)) throw notFound()
    filter.usedMs = this.#clock.nowMs()
    return filter
  }

  #journal(kind: Kind): ChangeJournal<string> | ChangeJournal<LogChange> {
    return { blocks: this.#blocks, pending: this.#pending, logs: this.#logs }[kind]
  }

  #record(event: NodeEvent): void {
    if (event.type === 'pending' && this.#counts.pending > 0) {
      this.#pending.append(event.transactions.map(({ hash }) => toHex(hash)))
    } else if (event.type === 'head') {
      const { connected, disconnected } = event
      if (this.#counts.blocks > 0) this.#blocks.append(connected.map(({ header }) => toHex(header.hash)))
      if (this.#counts.logs === 0) return
      const changes = [
        ...disconnected.map((block) => ({ block, removed: true })),
        ...connected.map((block) => ({ block, removed: false })),
      ]
      this.#logs.append(changes.filter(({ block }) => block.logs.length > 0))
    }
  }

  #isExpired({ usedMs }: Filter): boolean {
    return this.#clock.nowMs() - usedMs > FILTER_LIFETIME_MS
  }

  #sweep(): void {
    for (const [id, filter] of this.#filters) if (this.#isExpired(filter)) this.uninstall(id)
  }

  #sweepLater(): void {
    this.#sweep()
    const again = this.#filters.size > 0
    this.#cancelSweep = again ? this.#clock.after(FILTER_LIFETIME_MS, () => this.#sweepLater()) : undefined
  }
}

function logsOf(query: LogQuery, { block, removed }: LogChange): Json[] {
  if (!coversBlock(query, block.header.header.number)) return []
  return wantedLogs(query, block).map((log) => encodeLog(log, block.header, removed))
}

function tooMany(what: string): RpcError {
  return new RpcError(LIMIT_EXCEEDED, `limit exceeded: ${what}`)
}

/** geth's words, on which clients make a new one. */
function notFound(): RpcError {
  return new RpcError(SERVER_ERROR, 'filter not found')
}
