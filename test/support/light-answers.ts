import { readFileSync } from 'node:fs'

const KINDS = ['proven', 'derived', 'own', 'refused', 'absent'] as const

/** What docs/light.md says a light node does with each method. */
export function lightAnswers(): readonly { readonly method: string; readonly answer: (typeof KINDS)[number] }[] {
  const page = readFileSync(new URL('../../docs/light.md', import.meta.url), 'utf8')
  return page.split('\n').flatMap((line) => {
    const [, first, methods] = line.split('|').map((cell) => cell.trim())
    const answer = KINDS.find((kind) => kind === first)
    if (!answer) return []
    return [...methods!.matchAll(/`(\w+)`/g)].map(([, method]) => ({ method: method!, answer }))
  })
}
