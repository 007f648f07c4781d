import type { Command } from 'commander'
import type { Flags } from '../node/config.ts'
import { loadConfig } from '../node/config-file.ts'
import { items, members, plainText, quantity } from './answers.ts'
import { addClientOptions, addExamples } from './options.ts'
import { printJson, printTable } from './output.ts'
import { createRpcClient } from './rpc-client.ts'

export function build(command: Command): void {
  command.action(run)
  addExamples(command, 'idobata peers', 'idobata peers --json')
  addClientOptions(command)
}

async function run(flags: Flags): Promise<void> {
  const rpc = await createRpcClient(await loadConfig(flags, process.env))
  const peers = items(await rpc.call('idobata_peers'), 'list of peers')
  if (flags.json) printJson(peers)
  else if (peers.length === 0) process.stdout.write('no peers\n')
  else printTable([HEADINGS, ...peers.map(row)])
}

const HEADINGS = ['peer', 'way', 'head', 'ping', 'score', 'program', 'address']

function row(answer: unknown): string[] {
  const peer = members(answer, 'peer')
  const head = members(peer.head, 'head')
  const text = (name: string) => plainText(peer[name], name)
  return [
    shortPeer(text('id')),
    `${peer.inbound === true ? 'in' : 'out'}, ${text('route')}`,
    `#${quantity(head.number, 'number')}`,
    peer.roundTripMs === null ? '–' : `${Number(peer.roundTripMs)} ms`,
    `${Number(peer.score)}`,
    text('agent'),
    text('address'),
  ]
}

/** Enough of a peer id to tell it from others: all begin alike. */
export function shortPeer(id: string): string {
  return `…${id.slice(-8)}`
}
