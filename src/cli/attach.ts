import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Command } from 'commander'
import type { Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { members } from './answers.ts'
import { completeCall, parseCall } from './call-syntax.ts'
import { describeFailure, EXIT } from './exit.ts'
import { MAX_HISTORY_LINES } from './limits.ts'
import { addExamples, addRpcOptions } from './options.ts'
import { printJson } from './output.ts'
import { createRpcClient, type RpcClient } from './rpc-client.ts'

export function build(command: Command): void {
  command
    .argument('[url]', 'node to ask (default: as --rpc)')
    .action(async (url: string | undefined, flags: Flags) => run(url, flags))
  addExamples(command, 'idobata attach', "echo 'eth.blockNumber()' | idobata attach http://127.0.0.1:9545")
  addRpcOptions(command)
}

async function run(url: string | undefined, flags: Flags): Promise<void> {
  const config = await loadConfig(url === undefined ? flags : { ...flags, rpc: url }, process.env)
  const rpc = await createRpcClient(config)
  const version = await rpc.call('web3_clientVersion')
  if (!process.stdin.isTTY) return runScript(rpc)
  process.stderr.write(`${JSON.stringify(version)} at ${rpc.url}\n`)
  process.stderr.write('Calls as eth.blockNumber() or eth_getBalance ADDRESS latest; Tab completes, Ctrl-D ends.\n')
  await runConsole(rpc, join(config.datadir, 'history'))
}

/** Every line of standard input; what fails is told, and the rest goes on. */
async function runScript(rpc: RpcClient): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (!(await answer(rpc, line))) process.exitCode = EXIT.failed
  }
}

async function runConsole(rpc: RpcClient, historyFile: string): Promise<void> {
  let methods: Promise<readonly string[]> | undefined
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    prompt: '> ',
    history: await readHistory(historyFile),
    historySize: MAX_HISTORY_LINES,
    removeHistoryDuplicates: true,
    completer: async (line: string): Promise<[string[], string]> => {
      methods ??= methodNames(rpc)
      return [completeCall(line, await methods), line]
    },
  })
  let history: readonly string[] = []
  terminal.on('history', (lines) => {
    history = lines
  })
  terminal.on('SIGINT', () => {
    if (terminal.line === '') terminal.close()
    else terminal.write(null, { ctrl: true, name: 'u' })
  })
  terminal.prompt()
  for await (const line of terminal) {
    await answer(rpc, line)
    terminal.prompt()
  }
  if (history.length > 0) await writeHistory(historyFile, history)
}

/** Whether it went well. */
async function answer(rpc: RpcClient, line: string): Promise<boolean> {
  if (line.trim() === '') return true
  try {
    const { method, params } = parseCall(line)
    printJson(await rpc.call(method, params))
    return true
  } catch (error) {
    process.stderr.write(`${describeFailure(error).line}\n`)
    return false
  }
}

/** What the node says it serves; nothing if it does not say. */
async function methodNames(rpc: RpcClient): Promise<readonly string[]> {
  try {
    const { methods } = members(await rpc.call('rpc_discover'), 'description')
    if (!Array.isArray(methods)) return []
    return methods.map((method) => String(members(method, 'method').name)).filter((name) => /^\w+$/.test(name))
  } catch {
    return []
  }
}

/** The newest first, as readline wants it. */
async function readHistory(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  } catch {
    return []
  }
}

async function writeHistory(file: string, lines: readonly string[]): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(file, `${lines.join('\n')}\n`, { mode: 0o600 })
}
