import type { Command } from 'commander'
import { ConfigError, type Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { parseParam } from './call-syntax.ts'
import { addExamples, addRpcOptions } from './options.ts'
import { printJson } from './output.ts'
import { createRpcClient } from './rpc-client.ts'

export function build(command: Command): void {
  command
    .argument('<method>', 'method to call')
    .argument('[params...]', 'parameters: JSON, or else text')
    .option('--raw', "the one parameter, or standard input, is the JSON of all of the request's params")
    .action(async (method: string, params: string[], flags: Flags) => run(method, params, flags))
  addExamples(
    command,
    'idobata rpc eth_blockNumber',
    'idobata rpc eth_getBalance 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 latest',
    `idobata rpc --raw eth_getBlockByNumber '["latest", false]'`,
  )
  addRpcOptions(command)
}

async function run(method: string, params: readonly string[], flags: Flags): Promise<void> {
  const rpc = await createRpcClient(await loadConfig(flags, process.env))
  printJson(await rpc.call(method, flags.raw ? await rawParams(params) : params.map(parseParam)))
}

async function rawParams([text, ...more]: readonly string[]): Promise<unknown> {
  if (more.length > 0) throw new ConfigError('--raw: takes one parameter')
  const { text: read } = await import('node:stream/consumers')
  try {
    return JSON.parse(text ?? (await read(process.stdin)))
  } catch (error) {
    if (error instanceof SyntaxError) throw new ConfigError(`--raw: no JSON: ${error.message}`)
    throw error
  }
}
