/**
 * Finds the highest block that a peer's chain and ours have in common: from the top down in growing steps, then by
 * halves. Genesis is common to all.
 *
 * Yields a number, wants to know whether the peer's block of that number is one of ours, and returns the number that was
 * found. Cost: one question if the peer has our head, else about twice the binary logarithm of the depth.
 * @param top  the highest number that both chains have.
 */
export function* findAncestor(top: number): Generator<number, number, boolean> {
  let common = 0
  let different = top + 1
  for (let step = 1, at = top; at > 0; at = top - step, step *= 2) {
    if (yield at) {
      common = at
      break
    }
    different = at
  }
  while (different - common > 1) {
    const middle = common + Math.floor((different - common) / 2)
    if (yield middle) common = middle
    else different = middle
  }
  return common
}
