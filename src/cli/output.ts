/** Data for programs: one JSON value on standard output. Amounts of wei are decimal strings, since JSON numbers are too small for them. */
export function printJson(value: unknown): void {
  process.stdout.write(
    `${JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? member.toString() : member), 2)}\n`,
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
