import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Per cent by which the old generation may grow before V8 collects it again. Left to itself V8 lets a heap with
 * 30 MB of live objects grow to several times that on a machine with memory to spare; a node is a neighbour there, not the only tenant.
 */
const HEAP_GROWING_PERCENT = 60

/**
 * What can be said to V8 at the start of a process alone: its young objects have three times 8 MiB. Left to itself V8 gives them up to
 * 96 MiB, which makes an import no faster, and 80 MiB more to hold. `npm start` says so; whoever starts the published program can by NODE_OPTIONS.
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8']

/** To be called once, by whoever owns the process. */
export function tuneHeap(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
  // A thread collects its young objects alone. It would wait for each helper to get a core, which takes up to a tenth of a
  // second where signatures are being checked on all of them; and four helpers cost twice what one thread does.
  setFlagsFromString('--no-parallel-scavenge')
}

/**
 * Gives back what loading has left behind: 40 MB of garbage that V8 keeps for as long as it does not lack room, which with
 * little to do is for ever. To be called once, by whoever owns the process, when everything is loaded. Cost: 0.1 s of this thread.
 */
export function collectLoadingGarbage(): void {
  setFlagsFromString('--expose-gc')
  const collect: NodeJS.GCFunction = runInNewContext('gc')
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
