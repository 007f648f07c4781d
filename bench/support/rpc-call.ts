import assert from 'node:assert/strict'

/** Asks a node over HTTP. @throws AssertionError if it answers with an error. */
export async function callRpc<T>(url: string, method: string, ...params: readonly unknown[]): Promise<T> {
  const [result] = await callRpcBatch<T>(url, [{ method, params }])
  return result as T
}

export interface Call {
  readonly method: string
  readonly params: readonly unknown[]
}

/** The results of calls sent in one message, in their order. @throws AssertionError if one of them is an error. */
export async function callRpcBatch<T>(url: string, calls: readonly Call[]): Promise<T[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call }))),
  })
  const answers = (await response.json()) as { readonly id: number; readonly result?: T; readonly error?: object }[]
  for (const { error } of answers) assert(error === undefined, JSON.stringify(error))
  return answers.sort((a, b) => a.id - b.id).map(({ result }) => result as T)
}
