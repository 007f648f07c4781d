import type { Command } from 'commander'
import { ConfigError, type Flags, type NodeConfig } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { devAccounts } from '../node/dev.ts'
import { loadGenesis } from '../node/genesis-file.ts'
import { wholeNumber } from '../node/setting-values.ts'
import { equalBytes, fromHex } from '../primitives/bytes.ts'
import type { TransactionFields } from '../primitives/transaction.ts'
import { parseAddress, toChecksumAddress } from '../wallet/address.ts'
import { formatAmount, parseAmount } from '../wallet/amount.ts'
import { listAccounts } from '../wallet/keystore-directory.ts'
import { sign } from '../wallet/signing.ts'
import { argument } from './arguments.ts'
import { addClientOptions, addExamples, addOptions, addPasswordOption } from './options.ts'
import { printJson, printTable } from './output.ts'
import { createRpcClient } from './rpc-client.ts'
import { confirm } from './secrets.ts'
import { submit, UnsettledError, waitForReceipt } from './submission.ts'
import { prepareTransfer, type TransferOrder } from './transfer.ts'
import { describeOutcome, succeeded } from './tx.ts'
import { requireAccount, unlock } from './unlock.ts'

export function build(command: Command): void {
  command
    .requiredOption('--to <address>', 'account that gets the coins')
    .requiredOption('--value <amount>', 'coins, or with a unit: 0.5, 20gwei, 7wei')
    .option('--from <address>', 'account that pays (default: the only one in the keystore)')
    .option('--data <hex>', 'bytes to put into the transaction', '0x')
    .option('--nonce <number>', 'default: the next one, what is pending included')
    .option('--gas <number>', "gas limit (default: the node's estimate)")
    .option('--max-fee <amount>', 'most to pay per gas, with a unit (default: twice the base fee and the tip)')
    .option('--priority-fee <amount>', 'tip per gas, with a unit (default: what the node suggests)')
    .option('--chain-id <number>', 'chain that the node must be on (default: that of the network configured)')
    .option('--wait', 'wait until the transaction is in a block')
    .option('--yes', 'do not ask')
    .action(run)
  addPasswordOption(command)
  addExamples(
    command,
    'idobata send --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --value 1.5 --wait',
    'idobata send --dev --from 0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266 --to 0x70997970C51812dc3A010C7d01b50e0d17dc79C8 --value 1 --yes',
  )
  addClientOptions(command)
  addOptions(command, ['genesis', 'dev', 'keystore'])
}

async function run(flags: Flags): Promise<void> {
  const config = await loadConfig(flags, process.env)
  const wallet = await findWallet(config, flags)
  const interrupt = new AbortController()
  const rpc = await createRpcClient(config, interrupt.signal)
  const order = await readOrder(flags, config, wallet.address)
  const fields = { ...(await prepareTransfer(rpc, order)), data: fromHex(order.data) }
  if (!flags.yes) {
    for (const [label, value] of describeTransfer(wallet.address, fields)) {
      process.stderr.write(`${label!.padEnd(8)}  ${value}\n`)
    }
    if (!(await confirm('Send it?'))) throw new Error('not sent')
  }
  const { raw, hash } = sign(fields, await wallet.unlock())
  const facts = { hash, ...transferFacts(wallet.address, fields) }
  let receipt: unknown
  // From here on whoever loses patience has to know the hash; the second time ends the process at once.
  const onSignal = () => interrupt.abort()
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal)
  try {
    await submit(rpc, { raw, hash, nonce: fields.nonce })
    if (flags.wait) receipt = await waitForReceipt(rpc, hash)
  } catch (error) {
    if (flags.json && error instanceof UnsettledError) printJson(facts)
    throw error
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal)
  }
  if (flags.json) printJson({ ...facts, ...(receipt !== undefined && { receipt }) })
  else printTable([['hash', hash], ...(receipt === undefined ? [] : describeOutcome(receipt))])
  if (receipt !== undefined && !succeeded(receipt)) throw new Error(`${hash} is in a block, but failed`)
}

interface Wallet {
  readonly address: Uint8Array
  unlock(): Promise<Uint8Array>
}

/** Found before the node is asked, opened after everything else has been agreed on. */
async function findWallet({ keystore, dev }: NodeConfig, flags: Flags): Promise<Wallet> {
  const address =
    flags.from === undefined ? await onlyAccount(keystore) : argument('--from', () => parseAddress(String(flags.from)))
  const known = dev ? devAccounts().find((account) => equalBytes(account.address, address)) : undefined
  if (known) return { address, unlock: async () => known.privateKey }
  const account = await requireAccount(keystore, address)
  const password = typeof flags.password === 'string' ? flags.password : undefined
  return { address, unlock: () => unlock(account, password) }
}

async function onlyAccount(keystore: string): Promise<Uint8Array> {
  const [account, second] = await listAccounts(keystore)
  if (account && !second) return account.address
  throw new ConfigError(
    `--from: has to be given, since there is ${account ? 'more than one' : 'no'} account in ${keystore}`,
  )
}

async function readOrder(flags: Flags, config: NodeConfig, from: Uint8Array): Promise<TransferOrder> {
  const read = <T>(name: string, parse: (text: string) => T): T | undefined => {
    const text = flags[name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())]
    return text === undefined ? undefined : argument(`--${name}`, () => parse(String(text)))
  }
  const number = (text: string) => BigInt(wholeNumber(0, Number.MAX_SAFE_INTEGER)(text))
  return {
    chainId: read('chain-id', number) ?? BigInt((await loadGenesis(config)).params.chainId),
    from,
    to: read('to', parseAddress)!,
    value: read('value', (text) => parseAmount(text, 'coin'))!,
    data: read('data', parseData)!,
    nonce: read('nonce', number),
    gasLimit: read('gas', number),
    maxFeePerGas: read('max-fee', (text) => parseAmount(text)),
    maxPriorityFeePerGas: read('priority-fee', (text) => parseAmount(text)),
  }
}

function parseData(text: string): string {
  if (!/^0x([0-9a-fA-F]{2})*$/.test(text)) throw new RangeError(`"${text}" is no hex: 0x and two digits a byte`)
  return text
}

function describeTransfer(from: Uint8Array, fields: TransactionFields): string[][] {
  const { to, value, maxFeePerGas, gasLimit, nonce, chainId, data } = fields
  return [
    ['from', toChecksumAddress(from)],
    ['to', toChecksumAddress(to!)],
    ['value', `${formatAmount(value)} coins`],
    [
      'fee',
      `at most ${formatAmount(gasLimit * maxFeePerGas)} coins: ${gasLimit} gas at ${formatAmount(maxFeePerGas, 'gwei')} gwei`,
    ],
    ...(data.length > 0 ? [['data', `${data.length} bytes`]] : []),
    ['nonce', `${nonce}`],
    ['chain', `${chainId}`],
  ]
}

function transferFacts(from: Uint8Array, fields: TransactionFields): Readonly<Record<string, unknown>> {
  const { to, value, nonce, gasLimit, maxFeePerGas, maxPriorityFeePerGas, chainId } = fields
  return {
    chainId: Number(chainId),
    from: toChecksumAddress(from),
    to: toChecksumAddress(to!),
    value,
    nonce: Number(nonce),
    gasLimit: Number(gasLimit),
    maxFeePerGas,
    maxPriorityFeePerGas,
  }
}
