import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Report } from './report.ts'

/** A JSON object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>

/** One JSON file of a suite. `name` is its path below the suite's folder. */
export interface JsonFile {
  readonly name: string
  readonly content: Fields
}

/** All JSON files under `dir`, at any depth, in order of name; one that holds no JSON object is reported. */
export function* jsonFiles(dir: string, report: Report): Generator<JsonFile> {
  for (const name of globSync('**/*.json', { cwd: dir }).sort()) {
    let content: unknown
    try {
      content = JSON.parse(readFileSync(join(dir, name), 'utf8'), keepIntegers)
    } catch (error) {
      report.fail(name, `not readable as JSON: ${String(error)}`)
      continue
    }
    if (isFields(content)) yield { name, content }
    else report.fail(name, 'not a JSON object')
  }
}

/** The cases of a file that is `{name: case}`, without comments and notes about the file (`_info`, `//`). */
export function* namedCases({ name: file, content }: JsonFile, report: Report): Generator<[string, Fields]> {
  for (const [name, value] of Object.entries(content)) {
    if (name.startsWith('_') || name.startsWith('//') || name === 'comment') continue
    if (isFields(value)) yield [`${file} ${name}`, value]
    else report.fail(`${file} ${name}`, 'not a JSON object')
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** @throws Error if `fields` has no text of that name. */
export function text(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Error(`case has no ${name}`)
  return value
}

/** Numbers that a double cannot hold become bigints. */
function keepIntegers(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value
}
