import { expect, test } from 'vitest'
import * as api from '../../src/index.ts'

test('the public API is this and no more', () => {
  expect(Object.keys(api).sort()).toEqual([
    'ConfigError',
    'GenesisError',
    'ProviderError',
    'StoreError',
    'createFullNode',
    'parseGenesis',
  ])
})
