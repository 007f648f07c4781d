#!/usr/bin/env node
import { keepCompiledCode } from './compiled-code.ts'

keepCompiledCode(process.env)
// All the rest is imported only now, so that it is kept.
const { run } = await import('./run.ts')
await run(process.argv.slice(2))
