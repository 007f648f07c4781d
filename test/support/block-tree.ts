import fc from 'fast-check'
import type { Chain } from '../../src/chain/chain.ts'
import type { AddressTransactions } from '../../src/chain/chain-store.ts'
import { appendLeaf, type HistoryNode, historyCommitment, historyLeaf, NO_PEAKS } from '../../src/chain/history.ts'
import type { ChainEvent } from '../../src/chain/types.ts'
import { keccak256Key } from '../../src/crypto/keccak.ts'
import type { Block } from '../../src/primitives/block.ts'
import { type Key, toHex, toKey } from '../../src/primitives/bytes.ts'
import type { HashedHeader } from '../../src/primitives/header.ts'
import { makeBlock, TEST_MINER } from './block-maker.ts'
import { londonEngine } from './london-engine.ts'
import { openTestChain } from './test-chain.ts'
import { account, keyAddress, testGenesis } from './test-genesis.ts'
import { signedTransfer, testKey } from './transactions.ts'

/** A block to be made: on any of those before it, or on genesis. */
export interface PlannedBlock {
  readonly parent: number
  /** After its parent: at London the difficulty falls with it. */
  readonly seconds: number
  readonly transfers: readonly { readonly from: number; readonly to: number; readonly value: bigint }[]
}

const SENDERS = 4
const RECIPIENTS = 8
/** Genesis accounts that are empty: the first touch removes them. */
const EMPTY_ACCOUNTS = [7, 8]

export const treeGenesis = testGenesis({ accounts: EMPTY_ACCOUNTS.map((i) => account(keyAddress(i))) })

/** All addresses that transactions of a tree are from or to, and the miner. */
export const treeAddresses: readonly Uint8Array[] = [
  ...Array.from({ length: RECIPIENTS }, (_, i) => keyAddress(i + 1)),
  TEST_MINER,
]

const transfer = fc.record({
  from: fc.integer({ min: 1, max: SENDERS }),
  to: fc.integer({ min: 1, max: RECIPIENTS }),
  value: fc.bigInt({ min: 0n, max: 1000n }),
})

/** Trees that go on from recent blocks more often than from old ones. */
export function plannedTree(maxBlocks: number): fc.Arbitrary<PlannedBlock[]> {
  const back = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(maxBlocks) })
  const block = fc.record({
    back,
    seconds: fc.constantFrom(1, 9, 20, 40),
    transfers: fc.array(transfer, { maxLength: 2 }),
  })
  return fc
    .array(block, { minLength: 1, maxLength: maxBlocks })
    .map((blocks) => blocks.map(({ back: steps, ...rest }, i) => ({ ...rest, parent: Math.max(-1, i - 1 - steps) })))
}

export interface TreeBlock {
  readonly block: Block
  /** Place of the parent in the tree; -1 for genesis. */
  readonly parent: number
  readonly totalDifficulty: bigint
}

/** Makes the blocks of a plan, on a chain that holds every state. */
export async function makeTree(plan: readonly PlannedBlock[]): Promise<TreeBlock[]> {
  const options = { genesis: treeGenesis, layers: 10_000, layerChanges: 1_000_000, unflushedChanges: 1_000_000 }
  const { chain, remove } = await openTestChain(options, londonEngine)
  try {
    const genesis = chain.head
    const tree: TreeBlock[] = []
    for (const { parent, seconds, transfers } of plan) {
      const below: HashedHeader = tree[parent]?.block ?? genesis
      const transactions = await sign(chain, below.hash, transfers)
      const block = await makeBlock(chain, londonEngine, below, { seconds, transactions })
      await chain.import(block)
      const before = tree[parent]?.totalDifficulty ?? genesis.totalDifficulty
      tree.push({ block, parent, totalDifficulty: before + block.header.difficulty })
    }
    return tree
  } finally {
    await remove()
  }
}

async function sign(chain: Chain, parentHash: Uint8Array, transfers: PlannedBlock['transfers']) {
  const nonces = new Map<number, bigint>()
  for (const { from } of transfers) {
    nonces.set(from, (await chain.account(keccak256Key(keyAddress(from)), parentHash))!.nonce)
  }
  return transfers.map(({ from, to, value }) => {
    const nonce = nonces.get(from)!
    nonces.set(from, nonce + 1n)
    return signedTransfer({ nonce, to: keyAddress(to), value }, testKey(from))
  })
}

/** Blocks from block 1 to the one at `tip`. */
export function branchTo(tree: readonly TreeBlock[], tip: number): Block[] {
  const branch: Block[] = []
  for (let at = tip; at >= 0; at = tree[at]!.parent) branch.push(tree[at]!.block)
  return branch.reverse()
}

/** An order that `priorities` (one a block) choose among those in which parents come first. */
export function parentsFirst(tree: readonly TreeBlock[], priorities: readonly number[]): number[] {
  const order: number[] = []
  const placed = new Set([-1])
  while (order.length < tree.length) {
    const ready = tree.flatMap(({ parent }, i) => (placed.has(parent) && !placed.has(i) ? [i] : []))
    const next = ready.reduce((a, b) => (priorities[b]! < priorities[a]! ? b : a))
    order.push(next)
    placed.add(next)
  }
  return order
}

/** The head after imports in this order: of the most work, the one seen first. */
export function expectedTip(tree: readonly TreeBlock[], order: readonly number[]): number {
  return order.reduce((best, i) => (tree[i]!.totalDifficulty > tree[best]!.totalDifficulty ? i : best))
}

/** Everything a chain says about its canonical blocks, for comparison. */
export async function describeChain(chain: Chain, tree: readonly TreeBlock[]) {
  const { head, store } = chain
  const numbers = Array.from({ length: tree.length + 3 }, (_, number) => number)
  const transactions = tree.flatMap(({ block }) => block.transactions.map(({ raw }) => raw))
  const histories: unknown[] = []
  for (const address of treeAddresses) {
    const forth: unknown[] = []
    const back: unknown[] = []
    for await (const locations of store.addressHistory(address, { after: -1 })) forth.push(...placesOf(locations))
    for await (const locations of store.addressHistory(address, { before: 1000 })) back.push(...placesOf(locations))
    histories.push({ forth, back: back.toReversed() })
  }
  return {
    head: { hash: toHex(head.hash), totalDifficulty: head.totalDifficulty, stateRoot: toHex(head.header.stateRoot) },
    canonical: numbers.map((number) => hexOf(store.canonicalHash(number))),
    locations: transactions.map((raw) => store.transactionLocation(keccakBytes(raw))),
    histories,
    accounts: await chain.accounts(treeAddresses.map(keccak256Key), head.hash),
    historyRoot: toHex(chain.ancestry(head.hash)!.historyRoot()),
  }
}

function placesOf({ blockNumber, transactions }: AddressTransactions) {
  return transactions.map(({ index }) => ({ blockNumber, index }))
}

function hexOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && toHex(bytes)
}

function keccakBytes(raw: Uint8Array): Uint8Array {
  return Uint8Array.from(keccak256Key(raw), (character) => character.charCodeAt(0))
}

/** The history range of a chain's canonical blocks, computed from their headers alone, and what its store says of each node. */
export function compareHistory(chain: Chain) {
  const computed = new Map<string, HistoryNode>()
  let peaks = NO_PEAKS
  for (let number = 0; number <= chain.head.header.number; number++) {
    const { hash, header } = chain.store.header(chain.store.canonicalHash(number)!)!
    const appended = appendLeaf(peaks, historyLeaf(hash, header))
    for (const { height, index, node } of appended.newNodes) computed.set(`${height}/${index}`, node)
    peaks = appended.peaks
  }
  const stored = [...computed.keys()].map((place) => {
    const [height, index] = place.split('/').map(Number)
    return [place, chain.store.historyNode(height!, index!)] as const
  })
  const describe = (nodes: Iterable<readonly [string, HistoryNode | undefined]>) =>
    [...nodes].map(([place, node]) => `${place} ${node && toHex(node.root)} ${node?.work}`)
  return {
    stored: describe(stored),
    computed: describe(computed),
    commitment: toHex(historyCommitment(chain.params.chainId, peaks)),
  }
}

/** Follows a chain by its events alone. */
export class EventReplay {
  readonly canonical: Key[]
  readonly faults: string[] = []

  constructor(chain: Chain) {
    this.canonical = Array.from({ length: chain.head.header.number + 1 }, (_, i) =>
      toKey(chain.store.canonicalHash(i)!),
    )
    chain.subscribe((event) => this.#take(event, chain))
  }

  #take(event: ChainEvent, chain: Chain): void {
    if (event.type !== 'head') return
    for (const { block } of event.disconnected) {
      if (this.canonical.pop() !== toKey(block.hash)) this.faults.push(`disconnected ${block.header.number}`)
    }
    for (const { block } of event.connected) {
      if (this.canonical.at(-1) !== toKey(block.header.parentHash)) this.faults.push(`connected ${block.header.number}`)
      this.canonical.push(toKey(block.hash))
    }
    if (this.canonical.at(-1) !== toKey(event.head.hash)) this.faults.push('head is not what was connected last')
    if (toKey(chain.head.hash) !== toKey(event.head.hash)) this.faults.push('head event before the head')
    // What is announced is in the store.
    if (toKey(chain.store.headHash() ?? new Uint8Array()) === '') this.faults.push('no head in the store')
  }
}
