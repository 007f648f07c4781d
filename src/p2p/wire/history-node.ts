import type { HistoryNode } from '../../chain/history.ts'
import type { RlpInput, RlpReader } from '../../primitives/rlp.ts'

/** A node of the history range, as all proofs of it hold them. */
export function nodeFields({ root, work }: HistoryNode): RlpInput[] {
  return [root, work]
}

/** @throws DecodeError */
export function readHistoryNode(list: RlpReader): HistoryNode {
  const fields = list.list()
  const node = { root: fields.fixed(32, 'root').slice(), work: fields.bigint(32, 'work') }
  fields.end()
  return node
}
