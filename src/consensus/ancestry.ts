import { assert } from '../primitives/assert.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import type { Ancestry } from './engine.ts'

/** Not for genesis. @throws AssertionError if `ancestry` does not hold the parent: the caller's bug. */
export function parentOf(header: Header, ancestry: Ancestry): HashedHeader {
  const parent = ancestry.header(header.parentHash)
  assert(parent !== undefined, `no parent for block ${header.number}`)
  return { hash: header.parentHash, header: parent }
}

/** `from` and its ancestors above height `lowest`, newest first. `from` stands above `lowest`. Cost: a look-up each. */
export function pathDownTo(lowest: number, from: HashedHeader, ancestry: Ancestry): HashedHeader[] {
  const path = [from]
  for (let at = from; at.header.number > lowest + 1; path.push(at)) at = parentOf(at.header, ancestry)
  return path
}
