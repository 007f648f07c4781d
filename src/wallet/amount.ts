import { MAX_UINT256 } from '../primitives/limits.ts'

/** Decimal places by unit: one coin is 10^18 wei. */
const DECIMALS = { wei: 0, gwei: 9, ether: 18, coin: 18, coins: 18 } as const
type Unit = keyof typeof DECIMALS

/**
 * Wei. `1.5`, `1.5 coins`, `20gwei`, `7wei`; exact, never rounded.
 * @param bare unit of a number without one; absent where it has to be named.
 * @throws RangeError that says what is wrong with `text`.
 */
export function parseAmount(text: string, bare?: Unit): bigint {
  const [, whole, fraction = '', named] = /^(\d+)(?:\.(\d+))? ?([a-z]+)?$/i.exec(text) ?? []
  const unit = named?.toLowerCase() ?? bare
  if (whole === undefined || (unit !== undefined && !isUnit(unit))) {
    throw new RangeError(`"${text}" is no amount, as 1.5ether, 20gwei or 7wei are`)
  }
  if (unit === undefined) throw new RangeError(`"${text}" has no unit: ${text}gwei, ${text}wei?`)
  const decimals = DECIMALS[unit]
  if (fraction.length > decimals) throw new RangeError(`"${text}" is finer than a wei`)
  const wei = BigInt(whole + fraction.padEnd(decimals, '0'))
  if (wei > MAX_UINT256) throw new RangeError(`"${text}" is more than 256 bits can hold`)
  return wei
}

/** Exact, without trailing zeros: `1.5`, `0.000000000000000001`. */
export function formatAmount(wei: bigint, unit: Unit = 'coin'): string {
  const decimals = DECIMALS[unit]
  const digits = wei.toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return fraction === '' ? whole : `${whole}.${fraction}`
}

function isUnit(name: string): name is Unit {
  return Object.hasOwn(DECIMALS, name)
}
