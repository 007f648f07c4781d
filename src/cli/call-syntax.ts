/** How a call is written in `idobata rpc` and in the console. */
export interface Call {
  readonly method: string
  readonly params: readonly unknown[]
}

/** JSON where it is JSON, else the text itself: `0x12`, `latest` and `true` need no quotes. */
export function parseParam(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/**
 * A line of the console: `eth_getBalance 0x… latest`, `eth.getBalance("0x…", "latest")`, or `eth.blockNumber`.
 * There are no variables and no expressions.
 * @throws SyntaxError that shows how it should be.
 */
export function parseCall(line: string): Call {
  const [, namespace, name, rest = ''] = /^([a-z0-9]+)[._](\w+)\s*(.*)$/is.exec(line.trim()) ?? []
  if (namespace === undefined)
    throw new SyntaxError('a call looks like eth.blockNumber() or eth_getBalance ADDRESS latest')
  const method = `${namespace}_${name}`
  if (!rest.startsWith('(')) return { method, params: splitWords(rest).map(parseParam) }
  const [, list] = /^\((.*)\);?$/s.exec(rest) ?? []
  try {
    return { method, params: JSON.parse(`[${list}]`) }
  } catch {
    throw new SyntaxError(`between the parentheses stands JSON: ${namespace}.${name}("0x…", true)`)
  }
}

/** At spaces outside of quotes and brackets, so that JSON may have some. */
function splitWords(text: string): string[] {
  const words: string[] = []
  let word = ''
  let depth = 0
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|\s+|./gs)) {
    if (depth === 0 && /^\s/.test(token)) {
      if (word !== '') words.push(word)
      word = ''
      continue
    }
    if (token === '[' || token === '{') depth++
    if (token === ']' || token === '}') depth--
    word += token
  }
  return word === '' ? words : [...words, word]
}

/** Calls that begin as `line` does, in the form in which it is written. */
export function completeCall(line: string, methods: readonly string[]): string[] {
  const dotted = line.includes('.')
  const start = line.replace('.', '_')
  return methods.filter((name) => name.startsWith(start)).map((name) => (dotted ? `${name.replace('_', '.')}(` : name))
}
