/** Preloaded into a process whose clock shall be wrong, by so many milliseconds. */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS)
const now = Date.now
Date.now = () => now() + offsetMs
