import type { Ancestry, Engine } from '../consensus/engine.ts'
import { equalBytes, type Key, toKey } from '../primitives/bytes.ts'
import { BlockError } from '../primitives/errors.ts'
import type { HashedHeader, Header } from '../primitives/header.ts'
import { MAX_BRANCH_HEADERS } from '../primitives/limits.ts'
import { checkHeader } from './header-rules.ts'
import { appendLeaf, historyCommitment, historyLeaf, type Peaks } from './history.ts'
import type { ChainParams, Head } from './types.ts'

export interface HeaderBranchComponents {
  readonly params: ChainParams
  readonly engine: Engine
  /** Headers of known blocks. */
  readonly known: (hash: Uint8Array) => Header | undefined
}

/**
 * Headers on top of a known block, verified one after the other before anyone has their bodies. Only the newest are
 * kept, as many as an engine looks back, so that a branch of any length takes a bounded amount of memory.
 */
export class HeaderBranch {
  readonly #components: HeaderBranchComponents
  readonly #recent = new Map<Key, Header>()
  readonly #ancestry: Ancestry
  #tip: Head
  #peaks: Peaks

  /** @param base  a known block; `peaks`: the history range up to and with it. */
  constructor(base: Head & { readonly peaks: Peaks }, components: HeaderBranchComponents) {
    const { hash, header, totalDifficulty } = base
    this.#components = components
    this.#tip = { hash, header, totalDifficulty }
    this.#peaks = base.peaks
    this.#ancestry = {
      header: (wanted) => this.#recent.get(toKey(wanted)) ?? components.known(wanted),
      historyRoot: () => historyCommitment(components.params.chainId, this.#peaks),
    }
    this.#recent.set(toKey(hash), header)
  }

  /** The newest header that was taken; at first the block that the branch begins on. */
  get tip(): Head {
    return this.#tip
  }

  /** The history range up to and with the tip. */
  get peaks(): Peaks {
    return this.#peaks
  }

  /**
   * Judges a header by all rules that need no body, the seal included, and makes it the tip. The clock is not among them.
   * @param next  with the hash that it has. @throws BlockError, `unknown-parent` if it does not follow the tip.
   */
  extend(next: HashedHeader): Head {
    const { hash, header } = next
    const { params, engine } = this.#components
    const parent = this.#tip
    if (!equalBytes(header.parentHash, parent.hash)) throw new BlockError('unknown-parent')
    checkHeader(header, parent.header, params)
    engine.verifyHeader(next, parent.header, this.#ancestry)
    this.#tip = { hash, header, totalDifficulty: parent.totalDifficulty + engine.weight(header) }
    this.#peaks = appendLeaf(this.#peaks, historyLeaf(hash, header)).peaks
    this.#recent.set(toKey(hash), header)
    if (this.#recent.size > MAX_BRANCH_HEADERS) this.#recent.delete(this.#recent.keys().next().value!)
    return this.#tip
  }
}
