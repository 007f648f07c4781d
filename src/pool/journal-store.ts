import type { Database } from '../store/database.ts'
import { keys, rangeOf } from '../store/schema.ts'
import type { JournalRecord, JournalStore } from './journal.ts'

/** The pool's journal in the node's database. */
export function createJournalStore(database: Database): JournalStore {
  return {
    async load() {
      const records: JournalRecord[] = []
      for await (const [key, value] of database.entries(rangeOf('pooled'))) {
        records.push({ id: Number(new DataView(key.buffer, key.byteOffset + 1).getBigUint64(0)), value })
      }
      return records
    },
    write(put, deleted, sync) {
      const batch = database.batch()
      for (const { id, value } of put) batch.put(keys.pooled(id), value)
      for (const id of deleted) batch.delete(keys.pooled(id))
      return batch.write({ sync })
    },
  }
}
