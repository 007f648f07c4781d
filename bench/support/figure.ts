/** Who stands beside a figure: a peer measured in the same run, or a limit. In the figure's unit. */
export interface Against {
  readonly name: string
  readonly value: number
}

/** One row of the table, and one element of what `--json` prints. docs/benchmarks.md says what each name means. */
export interface Figure {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly against: Against | null
  /** `value / against.value`; null where there is nothing to compare with. */
  readonly ratio: number | null
  /** Against a peer the least ratio, against a limit the greatest value; null where the figure is only reported. */
  readonly bar: number | null
  /** null where the figure is only reported, or was not measured on the shape that its bar is for. */
  readonly pass: boolean | null
}

type Measured = Pick<Figure, 'name' | 'value' | 'unit'>

export function reported(measured: Measured, against?: Against): Figure {
  const ratio = against === undefined ? null : measured.value / against.value
  return { ...measured, against: against ?? null, ratio, bar: null, pass: null }
}

/** A figure that has to reach `leastRatio` of its peer. @param judged  false: not on the shape that the bar is for. */
export function besidePeer(measured: Measured, peer: Against, leastRatio: number, judged: boolean): Figure {
  const ratio = measured.value / peer.value
  return { ...measured, against: peer, ratio, bar: leastRatio, pass: judged ? ratio >= leastRatio : null }
}

/** A figure that must not exceed `limit`. @param judged  as `besidePeer`. */
export function belowLimit(measured: Measured, limit: number, judged: boolean): Figure {
  const { value } = measured
  const against = { name: 'limit', value: limit }
  return { ...measured, against, ratio: value / limit, bar: limit, pass: judged ? value <= limit : null }
}

const HEADINGS = ['figure', 'value', 'unit', 'against', '', 'ratio', 'bar', ''] as const
const LEFT_ALIGNED = [0, 2, 3, 7]

/** The table for people, without a line break at its end. */
export function formatTable(figures: readonly Figure[]): string {
  const rows = [HEADINGS, ...figures.map(cells)]
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => align(cell, widths[i]!, i))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function cells({ name, value, unit, against, ratio, bar, pass }: Figure): string[] {
  const limited = against?.name === 'limit'
  return [
    name,
    formatNumber(value),
    unit,
    against?.name ?? '',
    against === null ? '' : formatNumber(against.value),
    ratio === null ? '' : ratio.toFixed(2),
    bar === null ? '' : `${limited ? '≤' : '≥'} ${bar}`,
    pass === null ? '' : pass ? 'pass' : 'MISSED',
  ]
}

function align(cell: string, width: number, column: number): string {
  return LEFT_ALIGNED.includes(column) ? cell.padEnd(width) : cell.padStart(width)
}

/** Three digits that mean something, thousands apart. */
function formatNumber(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}
