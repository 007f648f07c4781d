import { SingleBar } from 'cli-progress'

/** How far a long command has come, for people: drawn on a terminal, nothing elsewhere. */
export interface Progress {
  update(done: number, note: string): void
  stop(): void
}

/** @param unit  what `total` counts, after which each figure is named. */
export function createProgress(total: number, unit: string): Progress {
  if (!process.stderr.isTTY) return { update() {}, stop() {} }
  const format = ` {bar} {percentage}% of {total} ${unit}  {note}  {eta_formatted} left`
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true, etaBuffer: 50 })
  bar.start(total, 0, { note: '' })
  return {
    update: (done, note) => bar.update(done, { note }),
    stop: () => bar.stop(),
  }
}
