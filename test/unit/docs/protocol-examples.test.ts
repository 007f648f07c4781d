import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  appendLeaf,
  historyCommitment,
  historyLeaf,
  historyWork,
  NO_PEAKS,
  type Peaks,
  type PlacedNode,
} from '../../../src/chain/history.ts'
import { encodeOverride } from '../../../src/consensus/account-override.ts'
import { asertTarget, relativeDifficulty, targetOf } from '../../../src/consensus/asert.ts'
import { poaSealHash } from '../../../src/consensus/poa.ts'
import { powHash, sealHash } from '../../../src/consensus/pow.ts'
import { headerHash } from '../../../src/crypto/hashes.ts'
import { keccak256 } from '../../../src/crypto/keccak.ts'
import { bytesToBigint, concatBytes, toHex, uint64ToBytes } from '../../../src/primitives/bytes.ts'
import type { Header } from '../../../src/primitives/header.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { testSigner } from '../../support/block-signers.ts'
import { headerWith } from '../../support/header-chain.ts'

const protocol = readFileSync(new URL('../../../docs/protocol.md', import.meta.url), 'utf8')

/** The text of one section, line breaks and indentation folded away. */
function section(title: string): string {
  const start = protocol.indexOf(`\n## ${title}\n`)
  if (start === -1) throw new Error(`docs/protocol.md has no section "${title}"`)
  const end = protocol.indexOf('\n## ', start + 1)
  return protocol.slice(start, end === -1 ? undefined : end).replace(/\s+/g, ' ')
}

function expectInSection(title: string, values: Readonly<Record<string, string | number | bigint>>): void {
  const text = section(title)
  const missing = Object.entries(values).filter(([, value]) => !text.includes(`\`${value}\``))
  expect(Object.fromEntries(missing)).toEqual({})
}

const filled = (byte: number) => new Uint8Array(32).fill(byte)

/** The header that both examples of seals change. */
const exampleHeader: Header = headerWith({
  parentHash: filled(0x11),
  miner: new Uint8Array(20).fill(0x22),
  difficulty: 1_000n,
  number: 3,
  gasLimit: 120_000_000n,
  timestamp: 1_700_000_020,
  extraData: filled(0x33),
})

describe('worked examples in docs/protocol.md', () => {
  it('difficulty of a proof-of-work block', () => {
    const rules = { spacingSec: 10n, halfLifeSec: 2_880n, genesisDifficulty: 1_000_000n }
    const parent = { timestamp: 1_700_000_017, difficulty: 5_000_000n }
    const grandparent = { timestamp: 1_700_000_014 }
    const target = asertTarget(
      { height: 0n, parentTimeSec: 1_700_000_014n, target: targetOf(5_000_000n) },
      { height: 0n, timeSec: 1_700_000_017n },
      { ...rules, maxTarget: targetOf(1_000_000n) },
    )
    const exponent = (-7n * 65_536n) / 2_880n
    const fraction = exponent & 0xffffn
    const cubic = 195_766_423_245_049n * fraction + 971_821_376n * fraction ** 2n + 5_127n * fraction ** 3n
    const factor = 65_536n + ((cubic + 2n ** 47n) >> 48n)
    expect((targetOf(5_000_000n) * factor) >> 17n).toBe(target)
    expectInSection('Consensus: pow', {
      exponent,
      doublings: exponent >> 16n,
      fraction,
      factor,
      parentTarget: `0x${targetOf(5_000_000n).toString(16)}`,
      target: `0x${target.toString(16)}`,
      difficulty: relativeDifficulty(parent, grandparent, rules),
    })
  })

  it('seal of a proof-of-work block', () => {
    const hash = sealHash(exampleHeader)
    const target = targetOf(exampleHeader.difficulty)
    let counter = 0
    while (bytesToBigint(powHash(hash, uint64ToBytes(counter))) > target) counter++
    const nonce = uint64ToBytes(counter)
    const mixHash = powHash(hash, nonce)
    expectInSection('Consensus: pow', {
      sealHash: toHex(hash),
      target: `0x${target.toString(16)}`,
      nonce: toHex(nonce),
      mixHash: toHex(mixHash),
      hash: toHex(headerHash({ ...exampleHeader, nonce, mixHash })),
    })
  })

  it('seal of a proof-of-authority block', async () => {
    const signers = [1, 2, 3].map(testSigner)
    const signer = signers[0]!
    const header = { ...exampleHeader, miner: signer.address, difficulty: 2n }
    const hash = poaSealHash({ ...header, extraData: concatBytes(header.extraData, new Uint8Array(65)) })
    const signature = await signer.signHash(hash)
    expectInSection('Consensus: poa and --dev', {
      ...Object.fromEntries(signers.map(({ address }, place) => [`address ${place}`, toHex(address)])),
      sealHash: toHex(hash),
      r: toHex(signature.subarray(0, 32)),
      s: toHex(signature.subarray(32, 64)),
      yParity: signature[64]!,
      hash: toHex(headerHash({ ...header, extraData: concatBytes(header.extraData, signature) })),
      override: toHex(encodeOverride({ address: filled(0x11).subarray(12), field: 'balance', value: 10n ** 18n })),
    })
  })

  it('history root of the fourth block', () => {
    let peaks: Peaks = NO_PEAKS
    const nodes: PlacedNode[] = []
    for (let number = 0; number < 3; number++) {
      const leaf = historyLeaf(filled(number), {
        difficulty: BigInt(1_000 + number),
        timestamp: 1_700_000_000 + number,
      })
      const appended = appendLeaf(peaks, leaf)
      peaks = appended.peaks
      nodes.push(...appended.newNodes)
    }
    const bagged = peaks.nodes.flatMap(({ root, work }) => [root, work])
    expectInSection('History root', {
      ...Object.fromEntries(nodes.map(({ height, index, node }) => [`(${height}, ${index})`, toHex(node.root)])),
      ...Object.fromEntries(nodes.map(({ height, index, node }) => [`work (${height}, ${index})`, node.work])),
      'leaf 0, encoded': toHex(encodeRlp([filled(0), 1_000n, 1_700_000_000])),
      bagged: toHex(keccak256(concatBytes(Uint8Array.of(1), encodeRlp(bagged)))),
      'total work': historyWork(peaks),
      commitment: toHex(historyCommitment(1337n, peaks)),
    })
  })
})
