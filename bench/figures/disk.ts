import { statSync } from 'node:fs'
import { reported } from '../support/figure.ts'
import { type FixtureShape, prepareFixture } from '../support/fixture.ts'
import type { ImportRun } from '../support/session.ts'
import type { FigureGroup } from './group.ts'

/** Bytes in the database, after a clean stop, beside what the blocks take in a file of `idobata export`. */
export const disk: FigureGroup = {
  names: ['disk-per-block', 'disk-per-transaction', 'disk-per-account'],
  async measure(session) {
    const { many, emptyBlocks } = session.plan
    const full = await session.importBesideNative(many, 'unseen')
    const empty = await session.importRun(emptyBlocks, 'unseen')
    const transactions = many.blocks * many.transfers
    return [
      reported(
        { name: 'disk-per-block', value: grown(empty) / emptyBlocks.blocks, unit: 'bytes, empty' },
        { name: 'encoded', value: (await fileBytes(emptyBlocks)) / emptyBlocks.blocks },
      ),
      reported(
        { name: 'disk-per-transaction', value: grown(full) / transactions, unit: 'bytes' },
        { name: 'encoded', value: (await fileBytes(many)) / transactions },
      ),
      reported({ name: 'disk-per-account', value: full.genesisBytes / many.accounts, unit: 'bytes' }),
    ]

    async function fileBytes(shape: FixtureShape): Promise<number> {
      return statSync((await prepareFixture(shape, session.log)).blocksFile).size
    }
  },
}

function grown({ diskBytes, genesisBytes }: ImportRun): number {
  return diskBytes - genesisBytes
}
