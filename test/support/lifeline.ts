/** Loaded before a process that tests start: it ends when they are gone, however they went. */
process.once('disconnect', () => process.exit())
// A command that has nothing left to do is not kept by it.
process.channel?.unref()
