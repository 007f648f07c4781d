import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { describe, expect, test } from 'vitest'
import { COMMANDS, createProgram } from '../../../src/cli/program.ts'
import { explainConfig, type Flags, OPTIONS } from '../../../src/node/config.ts'

/** Every command that does something, with the words that call it. */
async function leaves(): Promise<{ words: string[]; command: Command }[]> {
  const found = []
  for (const { name } of COMMANDS) {
    const program = await createProgram([name])
    const command = program.commands.find((candidate) => candidate.name() === name)!
    const inner = command.commands.filter((candidate) => candidate.name() !== 'help')
    if (inner.length === 0) found.push({ words: [name], command })
    else for (const subcommand of inner) found.push({ words: [name, subcommand.name()], command: subcommand })
  }
  return found
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (chunk) => (text += chunk) })
  command.outputHelp()
  return text
}

/** The words after `idobata` in the examples of a help text, as a shell splits them. */
function examplesIn(help: string): string[][] {
  return [...help.matchAll(/^ {2}\$ (?:.*\| )?idobata (.*)$/gm)].map(([, line]) =>
    [...line!.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!),
  )
}

/** Parses as the program would, but does nothing. @returns the options given. */
async function parse(args: string[]): Promise<Flags> {
  const program = await createProgram(args)
  let flags: Flags | undefined
  for (const command of program.commands.flatMap((outer) => [outer, ...outer.commands])) {
    if (command.commands.length > 0) continue
    command.action(() => {
      flags = command.opts()
    })
  }
  await program.parseAsync(args, { from: 'user' })
  if (!flags) throw new Error(`nothing is called by ${args.join(' ')}`)
  return flags
}

const commands = await leaves()

describe.each(commands)('idobata $words', ({ words, command }) => {
  test('says what it does, with an example that can be typed', async () => {
    expect(command.description()).not.toBe('')
    const examples = examplesIn(helpOf(command))
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      expect(example.slice(0, words.length)).toEqual(words)
      const flags = await parse(example)
      expect(() => explainConfig(flags, { HOME: '/' })).not.toThrow()
    }
  })

  test('takes no secret in an argument', () => {
    const named = [...command.options.map(({ flags }) => flags), ...command.registeredArguments.map((a) => a.name())]
    const telling = named.filter((flag) => /secret|key|mnemonic|password|token/.test(flag) && !flag.endsWith('<file>'))
    expect(['--mnemonic', '--keystore <directory>']).toEqual(expect.arrayContaining(telling))
  })
})

test('a node takes every setting that is not about asking one', () => {
  const start = commands.find(({ words }) => words[0] === 'start')!.command
  const asking = ['keystore', 'rpc', 'rpc.tokenfile', 'rpc.jwtsecret']
  const given = start.options.map(({ long }) => long!.slice(2)).filter((name) => !name.startsWith('no-'))
  expect([...given, ...asking].sort()).toEqual(Object.keys(OPTIONS).sort())
})

test('the help lists every command without loading any', async () => {
  const program = await createProgram([])
  expect(program.commands.map((command) => command.name())).toEqual(COMMANDS.map(({ name }) => name))
  expect(program.commands.every((command) => command.options.length === 0)).toBe(true)
  for (const { summary } of COMMANDS) expect(helpOf(program)).toContain(summary)
})

test('help for a command is that command’s own', async () => {
  const program = await createProgram(['help', 'send'])
  const send = program.commands.find((command) => command.name() === 'send')!
  expect(helpOf(send)).toContain('--max-fee')
})

test('what README.md tells to type is understood', async () => {
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')
  const lines = [...readme.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block]) => block!.split('\n'))
  const calls = lines.filter((line) => line.startsWith('idobata '))
  expect(calls.length).toBeGreaterThanOrEqual(3)
  for (const line of calls) await expect(parse(line.split(' ').slice(1)), line).resolves.toBeDefined()
})
