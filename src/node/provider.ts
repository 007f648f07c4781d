/** A request as EIP-1193 has it. */
export interface ProviderRequest {
  readonly method: string
  readonly params?: readonly unknown[] | object | undefined
}

/** A request that was refused: JSON-RPC's code and message, `data` where there is more to say (EIP-1193, EIP-1474). */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  readonly code: number
  readonly data: unknown

  constructor({ code, message, data }: { readonly code: number; readonly message: string; readonly data?: unknown }) {
    super(message)
    this.code = code
    this.data = data
  }
}

interface Answer {
  readonly result?: unknown
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/**
 * Asks a node in this process as if over its port: the same checks, the same answers.
 * @param handle  answers one message. @throws ProviderError
 */
export async function ask(
  handle: (message: string) => Promise<string | undefined>,
  { method, params }: ProviderRequest,
): Promise<unknown> {
  const message = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
  const { result, error } = JSON.parse((await handle(message))!) as Answer
  if (error) throw new ProviderError(error)
  return result
}
