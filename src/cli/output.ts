/**
 * Data for programs: one JSON value on standard output. Amounts of wei are decimal strings, since JSON numbers are too small
 * for them.
 */
export function printJson(value: unknown): void {
  const text = JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}` : member), 2)
  // JSON leaves them as they are, and some terminals obey them: what is printed may come from a stranger.
  process.stdout.write(
    `${text.replaceAll(/[\x7f-\x9f]/g, (control) => `\\u00${control.charCodeAt(0).toString(16)}`)}\n`,
  )
}

/** Rows for people, their columns aligned. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  for (const row of rows) {
    process.stdout.write(
      `${row
        .map((cell, i) => cell.padEnd(widths[i]!))
        .join('  ')
        .trimEnd()}\n`,
    )
  }
}

/** @param seconds  since 1970, as a node says: it may be any number. */
export function formatTime(seconds: bigint): string {
  const time = new Date(Number(seconds) * 1000)
  return Number.isNaN(time.getTime()) ? `${seconds} s` : time.toISOString().replace('T', ' ').replace('.000Z', ' UTC')
}
