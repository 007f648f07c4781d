import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as api from '../../src/index.ts'
import * as light from '../../src/light.ts'
import { packageVersion } from '../../src/node/version.ts'

test('the public API is this and no more', () => {
  expect(Object.keys(api).sort()).toEqual([
    'ConfigError',
    'GenesisError',
    'ProviderError',
    'StoreError',
    'createFullNode',
    'createLightNode',
    'parseGenesis',
  ])
  expect(Object.keys(light).sort()).toEqual(['GenesisError', 'ProviderError', 'createLightNode', 'parseGenesis'])
})

test('the version is the one that is published', () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  expect(packageVersion()).toBe(version)
})
