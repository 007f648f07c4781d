import { verifyMerkleProof } from '@ethereumjs/mpt'
import { afterEach, describe, expect, it } from 'vitest'
import { keccak256, keccak256Key } from '../../../src/crypto/keccak.ts'
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT } from '../../../src/primitives/account.ts'
import { bigintToBytes, fromKey, toKey } from '../../../src/primitives/bytes.ts'
import { encodeRlp } from '../../../src/primitives/rlp.ts'
import { proveStorage, readStorage } from '../../../src/state/storage.ts'
import { keys } from '../../../src/store/schema.ts'
import { verifyProof } from '../../../src/trie/proof.ts'
import { referenceRoot } from '../../support/reference-trie.ts'
import { genesisAccount, TestState, testAccountKey } from '../../support/test-state.ts'

const CODE = Uint8Array.of(0x60, 0x00, 0x60, 0x00)
const slot = (n: number) => bigintToBytes(BigInt(n), 32)

let test: TestState
afterEach(() => test.remove())

describe('genesis accounts with code and storage', () => {
  const storage = Array.from({ length: 40 }, (_, i) => [slot(i), BigInt(i) ** 20n] as const)

  it('have the storage root of another implementation; zeros are not stored', async () => {
    test = await TestState.create([genesisAccount(0), genesisAccount(1, { code: CODE, storage, nonce: 1n })])
    const [plain, contract] = await test.state.read(test.disk, [testAccountKey(0), testAccountKey(1)])
    expect(plain).toMatchObject({ storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH })
    const entries = storage
      .filter(([, value]) => value > 0n)
      .map(([at, value]) => [keccak256Key(at), encodeRlp(bigintToBytes(value))] as const)
    expect(entries).toHaveLength(39)
    expect(toKey(contract!.storageRoot)).toBe(await referenceRoot(entries))
    expect(contract).toMatchObject({ nonce: 1n, codeHash: keccak256(CODE) })
    expect(toKey(test.database.get(keys.code(keccak256(CODE)))!)).toBe(toKey(CODE))
  })

  it('prove slots and their absence to another implementation', async () => {
    test = await TestState.create([
      genesisAccount(1, { code: CODE, storage }),
      // Neighbours whose slots must not be mixed up with these.
      genesisAccount(0, { storage: [[slot(1), 99n]] }),
      genesisAccount(2, { storage: [[slot(7), 98n]] }),
    ])
    const [account] = await test.state.read(test.disk, [testAccountKey(1)])
    const asked = [slot(0), slot(1), slot(7), slot(39), slot(1000)]
    const proofs = await proveStorage(test.database, testAccountKey(1), asked)
    for (const [i, { value, proof }] of proofs.entries()) {
      const expected = storage.find(([at]) => toKey(at) === toKey(asked[i]!))?.[1] ?? 0n
      expect(value).toBe(expected)
      expect(readStorage(test.database, testAccountKey(1), asked[i]!)).toBe(expected)
      const encoded = expected === 0n ? undefined : encodeRlp(bigintToBytes(expected))
      const root = account!.storageRoot
      expect(verifyProof(toKey(root), keccak256Key(asked[i]!), proof)).toEqual(encoded)
      expect(await verifyMerkleProof(keccak256(asked[i]!), [...proof], { root })).toEqual(encoded ?? null)
    }
  })

  it('without storage prove nothing with nothing', async () => {
    test = await TestState.create([genesisAccount(0)])
    expect(await proveStorage(test.database, testAccountKey(0), [slot(1)])).toEqual([{ value: 0n, proof: [] }])
    expect(readStorage(test.database, testAccountKey(0), slot(1))).toBe(0n)
  })

  it('keep code and storage root through changes and restarts', async () => {
    test = await TestState.create([genesisAccount(1, { code: CODE, storage })])
    const [before] = await test.state.read(test.disk, [testAccountKey(1)])
    const proof = await test.state.prove(test.disk, testAccountKey(1))
    await test.reopen()
    expect(await test.state.read(test.disk, [testAccountKey(1)])).toEqual([before])
    expect(await test.state.prove(test.disk, testAccountKey(1))).toEqual(proof)
  })
})

describe('a genesis', () => {
  it('may be without accounts', async () => {
    test = await TestState.create([])
    expect(await test.state.read(test.disk, [testAccountKey(0)])).toEqual([undefined])
    expect(await test.state.prove(test.disk, testAccountKey(0))).toEqual([])
    expect(fromKey((await test.state.derive(test.disk, [])).stateRoot)).toEqual(EMPTY_TRIE_ROOT)
  })

  it('may have one account, whose leaf is the whole trie', async () => {
    test = await TestState.create([genesisAccount(0)])
    await test.reopen()
    expect(await test.state.read(test.disk, [testAccountKey(0), testAccountKey(1)])).toMatchObject([
      { balance: 1n },
      undefined,
    ])
  })
})
