import { expect, test } from 'vitest'
import { createLog } from '../../../src/cli/log.ts'

function capture(isTTY: boolean, columns = 80, colours = false) {
  let text = ''
  const stream = { isTTY, columns, hasColors: () => colours, write: (chunk: string) => (text += chunk) }
  return { stream, text: () => text }
}

const NOON = () => Date.parse('2026-11-22T12:00:00Z')

test('elsewhere than on a terminal every record is one line of JSON', () => {
  const { stream, text } = capture(false)
  const log = createLog(3, stream, NOON)
  log.info('started', { height: 5, difficulty: 2n ** 70n })
  log.warn('two\nlines')
  log.status('#5', { number: 5 })
  log.debug('details')
  log.close()
  const records = text()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(records).toMatchObject([
    { level: 30, msg: 'started', height: 5, difficulty: `${2n ** 70n}` },
    { level: 40, msg: 'two\nlines' },
    { level: 30, msg: 'status', number: 5 },
  ])
})

test('verbosity picks the levels, on a terminal and elsewhere', () => {
  for (const isTTY of [false, true]) {
    const counts = [0, 1, 2, 3, 4].map((verbosity) => {
      const { stream, text } = capture(isTTY)
      const log = createLog(verbosity, stream, NOON)
      log.debug('x')
      log.info('x')
      log.warn('x')
      log.error('x')
      return text().split('\n').length - 1
    })
    expect(counts).toEqual([0, 1, 2, 3, 4])
  }
})

test('on a terminal the status stays one line, below what is logged', () => {
  const { stream, text } = capture(true, 10)
  const log = createLog(3, stream, NOON)
  log.status('first status', {})
  log.info('block', { number: 7 })
  log.status('second', {})
  log.close()
  const erase = '\r\x1b[K'
  expect(text()).toBe(`${erase}first sta${erase}12:00:00 block  number 7\nfirst sta${erase}second\n`)
})

test('colours stand only where the terminal wants them', () => {
  for (const colours of [false, true]) {
    const { stream, text } = capture(true, 80, colours)
    const log = createLog(4, stream, NOON)
    log.error('x')
    log.warn('x')
    log.debug('x')
    expect(text().includes('\x1b[3') || text().includes('\x1b[2m')).toBe(colours)
  }
})

test('a secret is not shown, whoever logs it', () => {
  for (const isTTY of [false, true]) {
    const { stream, text } = capture(isTTY)
    const log = createLog(3, stream, NOON)
    log.warn('x', { password: 'canary', privateKey: 'canary', mnemonic: 'canary', token: 'canary', peer: 'shown' })
    log.status('', { secret: 'canary' })
    expect(text()).toContain('[not shown]')
    expect(text()).toContain('shown')
    expect(text()).not.toContain('canary')
  }
})

test('what a stranger sent cannot command the terminal, nor begin a line', () => {
  const { stream, text } = capture(true)
  createLog(3, stream, NOON).info('peer\x1b[2J', { name: 'a\r\nb\x9b31m' })
  expect(text()).toBe('\r\x1b[K12:00:00 peer [2J  name a b 31m\n')
})
