import type { Command } from 'commander'
import type { Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { parseAddress, toChecksumAddress } from '../wallet/address.ts'
import { formatAmount } from '../wallet/amount.ts'
import { quantity } from './answers.ts'
import { argument, parseBlockTag } from './arguments.ts'
import { addClientOptions, addExamples } from './options.ts'
import { printJson, printTable } from './output.ts'
import { createRpcClient } from './rpc-client.ts'

export function build(command: Command): void {
  command
    .argument('<address>', 'account to look at')
    .option('--block <number|tag>', 'when to look', 'latest')
    .action(run)
  addExamples(command, 'idobata balance 0x70997970C51812dc3A010C7d01b50e0d17dc79C8')
  addClientOptions(command)
}

async function run(account: string, flags: Flags): Promise<void> {
  const config = await loadConfig(flags, process.env)
  const address = toChecksumAddress(argument('address', () => parseAddress(account)))
  const block = argument('--block', () => parseBlockTag(String(flags.block)))
  const rpc = await createRpcClient(config)
  const wei = quantity(await rpc.call('eth_getBalance', [address, block]), 'balance')
  if (flags.json) printJson({ address, wei, coins: formatAmount(wei) })
  else
    printTable([
      ['address', address],
      ['balance', `${formatAmount(wei)} coins`],
    ])
}
