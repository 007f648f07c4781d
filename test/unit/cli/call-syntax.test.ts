import { describe, expect, test } from 'vitest'
import { completeCall, parseCall, parseParam } from '../../../src/cli/call-syntax.ts'

test.each<[string, unknown]>([
  ['latest', 'latest'],
  ['0x12', '0x12'],
  ['true', true],
  ['5', 5],
  ['"5"', '5'],
  ['{"a":[1]}', { a: [1] }],
  ['{a', '{a'],
  ['', ''],
])('the parameter %j is JSON or else text', (text, value) => {
  expect(parseParam(text)).toEqual(value)
})

describe('a line of the console', () => {
  test.each<[string, string, unknown[]]>([
    ['eth.blockNumber', 'eth_blockNumber', []],
    ['eth.blockNumber()', 'eth_blockNumber', []],
    [' eth_blockNumber ; '.replace(';', ''), 'eth_blockNumber', []],
    ['eth_getBalance 0xab latest', 'eth_getBalance', ['0xab', 'latest']],
    ['eth.getBalance("0xab", "latest");', 'eth_getBalance', ['0xab', 'latest']],
    ['eth_call {"to": "0xab", "data": "a ]b"} latest', 'eth_call', [{ to: '0xab', data: 'a ]b' }, 'latest']],
    ['eth_feeHistory 5 latest [25, 75]', 'eth_feeHistory', [5, 'latest', [25, 75]]],
    ['debug.x({"a": "(\\")"}, [1, 2])', 'debug_x', [{ a: '(")' }, [1, 2]]],
  ])('%s', (line, method, params) => {
    expect(parseCall(line)).toEqual({ method, params })
  })

  test.each(['foo', '1 + 1', 'eth', '.help', 'eth.'])('"%s" is none', (line) => {
    expect(() => parseCall(line)).toThrow(/^a call looks like/)
  })

  test.each(['eth.getBalance(0xab)', "eth.getBalance('0xab')", 'eth.getBalance("0xab"', 'eth.a() eth.b()'])(
    '"%s" is told how arguments are written',
    (line) => {
      expect(() => parseCall(line)).toThrow('between the parentheses stands JSON: eth.')
    },
  )
})

test('a beginning is completed in its own form', () => {
  const methods = ['eth_blockNumber', 'eth_getBlockByHash', 'eth_getBlockByNumber', 'net_version']
  expect(completeCall('eth_getB', methods)).toEqual(['eth_getBlockByHash', 'eth_getBlockByNumber'])
  expect(completeCall('eth.bl', methods)).toEqual(['eth.blockNumber('])
  expect(completeCall('', methods)).toEqual(methods)
  expect(completeCall('web3.', methods)).toEqual([])
})
