import { RpcUnreachableError } from './rpc-client.ts'

/** What a node answers, checked: it may be any program, and what it says ends up on a terminal or in a signed transaction. */

/** @throws RpcUnreachableError if `value` is no quantity (`0x` hex) of at most 256 bits. */
export function quantity(value: unknown, name: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,64}$/i.test(value)) return BigInt(value)
  throw new RpcUnreachableError(`the node answers with a ${name} that is no quantity`)
}

/** @throws RpcUnreachableError if `value` is no `0x` hex string of whole bytes. */
export function hexData(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length % 2 === 0 && /^0x[0-9a-f]*$/i.test(value)) return value
  throw new RpcUnreachableError(`the node answers with a ${name} that is no hex data`)
}

/** An object's members by name. @throws RpcUnreachableError if `value` is none. */
export function members(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new RpcUnreachableError(`the node answers with a ${name} that is no object`)
}

/** @throws RpcUnreachableError if `value` is no list. */
export function items(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new RpcUnreachableError(`the node answers with a ${name} that is no list`)
}

/** Text that may be shown on a terminal: without what moves its cursor. @throws RpcUnreachableError if it is no text. */
export function plainText(value: unknown, name: string): string {
  if (typeof value === 'string') return value.replace(/[^ -~]/g, '?')
  throw new RpcUnreachableError(`the node answers with a ${name} that is no text`)
}
