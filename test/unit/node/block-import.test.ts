import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { importBlocks } from '../../../src/node/block-import.ts'
import { encodeBlock } from '../../../src/primitives/block.ts'
import { badFamily } from '../../support/bad-family.ts'
import { londonEngine } from '../../support/london-engine.ts'
import { openTestChain, type TestChain, temporaryDirectory } from '../../support/test-chain.ts'
import { testGenesis } from '../../support/test-genesis.ts'

let directory: string
let testChain: TestChain
beforeEach(async () => {
  directory = temporaryDirectory()
  testChain = await openTestChain({ genesis: testGenesis() }, londonEngine)
})
afterEach(async () => {
  await testChain.remove()
  rmSync(directory, { recursive: true })
})

// More blocks than are handed over before the first is through, and fewer.
test.each([70, 3])(
  'the first of %i blocks that is refused is told of, not those that it takes along',
  async (count) => {
    const { chain } = testChain
    const { family } = await badFamily(chain, count)
    const file = join(directory, 'blocks.rlp')
    writeFileSync(file, Buffer.concat(family.map(encodeBlock)))
    const imported = importBlocks(chain, file, { signal: new AbortController().signal, onProgress() {} })
    await expect(imported).rejects.toMatchObject({
      name: 'BlockFileError',
      message: expect.stringMatching(/^block refused: bad-state-root.* at byte 0$/),
    })
  },
)
