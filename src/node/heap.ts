import { setFlagsFromString } from 'node:v8'

/**
 * Per cent by which the old generation may grow before V8 collects it again. Left to itself V8 lets a heap of 250 MB
 * grow to 900 MB on a machine with memory to spare; a node is a neighbour there, not the only tenant.
 */
const HEAP_GROWING_PERCENT = 60

/** To be called once, by whoever owns the process. */
export function boundHeapGrowth(): void {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`)
}
