import { open, rename, rm } from 'node:fs/promises'
import type { Chain } from '../chain/chain.ts'
import { assert } from '../primitives/assert.ts'
import { encodeBlock } from '../primitives/block.ts'

/**
 * Writes canonical blocks, `first` to `last` inclusive, to a file. It appears under its name once it is whole.
 * @returns bytes written.
 */
export async function exportBlocks(
  { store }: Chain,
  file: string,
  { first, last }: { readonly first: number; readonly last: number },
  onProgress: (blocks: number) => void,
): Promise<number> {
  const partial = `${file}.partial`
  const handle = await open(partial, 'w')
  let bytes = 0
  try {
    for (let number = first; number <= last; number++) {
      const hash = store.canonicalHash(number)
      const block = hash && store.block(hash)
      assert(block !== undefined, `block ${number} is not held`)
      const encoded = encodeBlock(block)
      await handle.writeFile(encoded)
      bytes += encoded.length
      onProgress(number - first + 1)
    }
    await handle.sync()
  } catch (error) {
    await handle.close()
    await rm(partial, { force: true })
    throw error
  }
  await handle.close()
  await rename(partial, file)
  return bytes
}
