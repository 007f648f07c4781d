import type { NodeConfig } from '../node/config.ts'
import { createToken, type Token } from './credentials.ts'
import { MAX_ANSWER_BYTES, MAX_QUOTED, RPC_TIMEOUT_MS } from './limits.ts'

/** JSON-RPC's code for a method that there is not. */
const METHOD_NOT_FOUND = -32601

/** A node does not answer, or not as a node would. */
export class RpcUnreachableError extends Error {
  override readonly name = 'RpcUnreachableError'
}

/** A node answers that it will not. */
export class RpcAnswerError extends Error {
  override readonly name = 'RpcAnswerError'
  readonly code: number
  constructor(method: string, { code, message, data }: JsonRpcError) {
    super(`${method}: ${message} (code ${code}${data === undefined ? '' : `, data ${JSON.stringify(data)}`})`)
    this.code = code
  }
}

interface JsonRpcError {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

/** A client for the node that the configuration names. @throws ConfigError if what it says to it cannot be read. */
export async function createRpcClient(
  config: Pick<NodeConfig, 'rpc' | 'rpc.tokenfile' | 'rpc.jwtsecret'>,
  interrupt?: AbortSignal,
): Promise<RpcClient> {
  return new RpcClient(config.rpc, { token: await createToken(config), interrupt })
}

export interface RpcClientOptions {
  /** For `Authorization: Bearer`. */
  readonly token?: Token | undefined
  /** Ends the call under way and all later ones, as if the node did not answer. */
  readonly interrupt?: AbortSignal | undefined
}

/** JSON-RPC over HTTP, one request at a time. What comes back is whatever the node says: check it before use. */
export class RpcClient {
  readonly url: string
  readonly #token: Token | undefined
  readonly #interrupt: AbortSignal | undefined
  #nextId = 1

  constructor(url: string, { token, interrupt }: RpcClientOptions = {}) {
    this.url = url
    this.#interrupt = interrupt
    this.#token = token
  }

  get interrupted(): boolean {
    return this.#interrupt?.aborted === true
  }

  /** @throws RpcAnswerError, RpcUnreachableError */
  async call(method: string, params: unknown = []): Promise<unknown> {
    const id = this.#nextId++
    const { status, text } = await this.#post(JSON.stringify({ jsonrpc: '2.0', id, method, params }))
    if (status === 401)
      throw new RpcUnreachableError(`${this.url} wants to know who calls; give --rpc.tokenfile or --rpc.jwtsecret`)
    const answer = parseAnswer(text)
    if (!answer) {
      const [said = ''] = text.trim().split('\n', 1)
      throw new RpcUnreachableError(
        `${this.url} does not answer as a JSON-RPC server: HTTP status ${status}${said && `, "${said.slice(0, MAX_QUOTED)}"`}`,
      )
    }
    if (answer.error?.code === METHOD_NOT_FOUND && method.startsWith('idobata_')) {
      throw new RpcUnreachableError(
        `the node at ${this.url} has no ${method}: it may run without peers, or be another program`,
      )
    }
    if (answer.error) throw new RpcAnswerError(method, answer.error)
    return answer.result
  }

  async #post(body: string): Promise<{ readonly status: number; readonly text: string }> {
    const timeout = AbortSignal.timeout(RPC_TIMEOUT_MS)
    const authorization = this.#token && `Bearer ${await this.#token()}`
    try {
      const response = await fetch(this.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
        body,
        signal: this.#interrupt ? AbortSignal.any([timeout, this.#interrupt]) : timeout,
      })
      return { status: response.status, text: await readBounded(response) }
    } catch (error) {
      throw new RpcUnreachableError(
        `no node answers at ${this.url} (${reasonOf(error)}); start one with \`idobata start\`, or give another --rpc`,
        { cause: error },
      )
    }
  }
}

async function readBounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`more than ${MAX_ANSWER_BYTES} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text
}

function parseAnswer(text: string): { readonly result?: unknown; readonly error?: JsonRpcError } | undefined {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof answer !== 'object' || answer === null) return undefined
  if ('error' in answer && isError(answer.error)) return { error: answer.error }
  return 'result' in answer ? { result: answer.result } : undefined
}

function isError(value: unknown): value is JsonRpcError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'number' &&
    'message' in value &&
    typeof value.message === 'string'
  )
}

/** fetch says "fetch failed"; why is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `not within ${RPC_TIMEOUT_MS / 1000} s`
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return (cause as NodeJS.ErrnoException).code ?? cause.message
}
