import type { Command } from 'commander'
import type { Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { fromHex } from '../primitives/bytes.ts'
import { toChecksumAddress } from '../wallet/address.ts'
import { formatAmount } from '../wallet/amount.ts'
import { hexData, members, quantity } from './answers.ts'
import { argument, parseHash } from './arguments.ts'
import { addClientOptions, addExamples } from './options.ts'
import { printJson, printTable } from './output.ts'
import { createRpcClient } from './rpc-client.ts'

export function build(command: Command): void {
  command.argument('<hash>', 'transaction to look up').action(run)
  addExamples(command, `idobata tx 0x${'5c'.repeat(32)}`)
  addClientOptions(command)
}

async function run(text: string, flags: Flags): Promise<void> {
  const config = await loadConfig(flags, process.env)
  const hash = argument('hash', () => parseHash(text))
  const rpc = await createRpcClient(config)
  const transaction = await rpc.call('eth_getTransactionByHash', [hash])
  if (transaction === null) throw new Error(`${rpc.url} knows no transaction ${hash}`)
  const receipt = await rpc.call('eth_getTransactionReceipt', [hash])
  if (flags.json) return printJson({ transaction, receipt })
  const fields = members(transaction, 'transaction')
  printTable([
    ['hash', hash],
    ...describeOutcome(receipt),
    ['from', toChecksumAddress(fromHex(hexData(fields.from, 'sender')))],
    ['to', fields.to === null ? 'a new contract' : toChecksumAddress(fromHex(hexData(fields.to, 'recipient')))],
    ['value', `${formatAmount(quantity(fields.value, 'value'))} coins`],
    ['nonce', `${quantity(fields.nonce, 'nonce')}`],
    ['data', hexData(fields.input, 'input')],
  ])
}

/** Rows about where a transaction stands. @param receipt  null: it is pending. */
export function describeOutcome(receipt: unknown): string[][] {
  if (receipt === null) return [['status', 'pending']]
  const fields = members(receipt, 'receipt')
  const number = (name: string) => quantity(fields[name], name)
  const fee = number('gasUsed') * number('effectiveGasPrice')
  return [
    ['status', succeeded(receipt) ? 'success' : 'failed'],
    ['block', `${number('blockNumber')} ${hexData(fields.blockHash, 'blockHash')}`],
    [
      'fee',
      `${formatAmount(fee)} coins: ${number('gasUsed')} gas at ${formatAmount(number('effectiveGasPrice'), 'gwei')} gwei`,
    ],
  ]
}

export function succeeded(receipt: unknown): boolean {
  return quantity(members(receipt, 'receipt').status, 'status') === 1n
}
