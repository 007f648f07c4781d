import type { JournalRecord, JournalStore } from '../../src/pool/journal.ts'

/** A store whose unsynced writes are gone after `losePower`, as on a real machine. */
export class MemoryJournalStore implements JournalStore {
  #records = new Map<number, Uint8Array>()
  #durable = new Map<number, Uint8Array>()
  /** Writes so far, and how many of them asked for a sync. */
  writes = 0
  syncs = 0
  failure: Error | undefined
  /** While set, writes do not end. */
  gate: Promise<void> | undefined

  async load(): Promise<JournalRecord[]> {
    return Array.from(this.#records, ([id, value]) => ({ id, value })).sort((a, b) => a.id - b.id)
  }

  async write(put: readonly JournalRecord[], deleted: readonly number[], sync: boolean): Promise<void> {
    await this.gate
    if (this.failure !== undefined) throw this.failure
    this.writes++
    for (const { id, value } of put) this.#records.set(id, value)
    for (const id of deleted) this.#records.delete(id)
    if (!sync) return
    this.syncs++
    this.#durable = new Map(this.#records)
  }

  losePower(): void {
    this.#records = new Map(this.#durable)
  }

  get size(): number {
    return this.#records.size
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const value of this.#records.values()) bytes += value.length
    return bytes
  }
}
