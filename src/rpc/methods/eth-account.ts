import { type Account, EMPTY_ACCOUNT } from '../../primitives/account.ts'
import { bigintToBytes, toHex } from '../../primitives/bytes.ts'
import type { Backends } from '../backend.ts'
import { type MethodTable, method } from '../dispatch.ts'
import { quantity } from '../encode.ts'
import { type Eventually, whenThere } from '../eventually.ts'
import { MAX_PROOF_KEYS } from '../limits.ts'
import { address, arrayOf, blockRef, LATEST, optional, type StateRef, storageKey } from '../schema.ts'
import { ACCOUNT_PROOF, BYTES, QUANTITY, shape, WORD } from '../shapes.ts'
import { stateHeader } from '../state-header.ts'
import { requireSynced } from '../syncing.ts'

/** `eth_`: the state of accounts. */
export function ethAccountMethods({ chain, pool, node }: Backends): MethodTable {
  const block = optional<StateRef>(blockRef, LATEST)
  const account = (address: Uint8Array, ref: StateRef): Eventually<Account> =>
    whenThere(
      whenThere(stateHeader(chain, ref), (header) => chain.account(address, header)),
      (found) => found ?? EMPTY_ACCOUNT,
    )

  return {
    eth_getBalance: method({
      summary: 'Balance of an account, in wei.',
      params: { address, block },
      result: QUANTITY,
      handler: ({ address, block }) => whenThere(account(address, block), ({ balance }) => quantity(balance)),
    }),
    eth_getTransactionCount: method({
      summary: 'Nonce of the next transaction; `pending` counts those in the pool.',
      params: { address, block },
      result: QUANTITY,
      handler: ({ address, block }) => {
        if ('tag' in block && (block.tag === 'latest' || block.tag === 'pending')) requireSynced(node)
        if ('tag' in block && block.tag === 'pending') return whenThere(pool.nonce(address), quantity)
        return whenThere(account(address, block), ({ nonce }) => quantity(nonce))
      },
    }),
    eth_getAccountInfo: method({
      summary: 'Balance, nonce and code of an account, all of one block.',
      params: { address, block },
      result: shape({ balance: QUANTITY, nonce: QUANTITY, code: BYTES }),
      handler: async ({ address, block }) => {
        const header = await stateHeader(chain, block)
        const [found, code] = await Promise.all([chain.account(address, header), chain.code(address, header)])
        const { balance, nonce } = found ?? EMPTY_ACCOUNT
        return { balance: quantity(balance), nonce: quantity(nonce), code: toHex(code) }
      },
    }),
    eth_getCode: method({
      summary: 'Contract code of an account.',
      params: { address, block },
      result: BYTES,
      handler: async ({ address, block }) => toHex(await chain.code(address, await stateHeader(chain, block))),
    }),
    eth_getStorageAt: method({
      summary: 'Value of a storage slot, 32 bytes.',
      params: { address, slot: storageKey, block },
      result: WORD,
      handler: async ({ address, slot, block }) => {
        const value = await chain.storage(address, slot.slot, await stateHeader(chain, block))
        return toHex(bigintToBytes(value, 32))
      },
    }),
    eth_getProof: method({
      summary: 'An account and storage slots with Merkle proofs against the state root (EIP-1186).',
      params: { address, slots: arrayOf(storageKey, MAX_PROOF_KEYS), block },
      result: ACCOUNT_PROOF,
      handler: async ({ address, slots, block }) => {
        const header = await stateHeader(chain, block)
        const keys = slots.map(({ slot }) => slot)
        const { account, accountProof, storage } = await chain.proof(address, keys, header)
        const { balance, nonce, codeHash, storageRoot } = account ?? EMPTY_ACCOUNT
        return {
          address: toHex(address),
          accountProof: accountProof.map(toHex),
          balance: quantity(balance),
          codeHash: toHex(codeHash),
          nonce: quantity(nonce),
          storageHash: toHex(storageRoot),
          storageProof: storage.map(({ value, proof }, index) => ({
            key: slots[index]!.shown,
            value: quantity(value),
            proof: proof.map(toHex),
          })),
        }
      },
    }),
  }
}
