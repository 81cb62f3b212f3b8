/**
 * Exact decimal numbers as text: `2.5`, `-0.0089`, `13580246790`. The one spelling of each: no exponent, no zeros that say
 * nothing, no `-0`.
 */
export type Decimal = string

/** More digits than any tool keeps; what is longer is no number of a business. */
const spelling = /^([+-]?)(\d{1,40})(?:\.(\d{1,40}))?(?:[eE]([+-]?\d{1,2}))?$/

/** A JSON number holds every decimal of so many digits exactly. */
const exactDigits = 15

/** @returns null for what is no decimal number, and for more than 40 digits before or behind the point */
export function decimalOf(value: unknown): Decimal | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null
  const [, sign = '', whole, fraction = '', exponent = '0'] = spelling.exec(String(value).trim()) ?? []
  return whole === undefined ? null : spelled(sign, whole, fraction, Number(exponent))
}

/** The number times ten to the power of `places`: the point moves to the right, or to the left for a negative one. */
export function shifted(decimal: Decimal, places: number): Decimal {
  const { sign, whole, fraction } = partsOf(decimal)
  return spelled(sign, whole, fraction, places)
}

export function added(a: Decimal, b: Decimal): Decimal {
  const places = Math.max(partsOf(a).fraction.length, partsOf(b).fraction.length)
  return shifted(String(BigInt(shifted(a, places)) + BigInt(shifted(b, places))), -places)
}

export function multiplied(a: Decimal, b: Decimal): Decimal {
  const [placesOfA, placesOfB] = [partsOf(a).fraction.length, partsOf(b).fraction.length]
  const product = BigInt(shifted(a, placesOfA)) * BigInt(shifted(b, placesOfB))
  return shifted(String(product), -placesOfA - placesOfB)
}

/** The nearest whole number, half of one away from zero. @returns null beyond 2^53 - 1, where numbers are no longer exact */
export function rounded(decimal: Decimal): number | null {
  const { sign, whole, fraction } = partsOf(decimal)
  const size = BigInt(whole) + (fraction.charAt(0) >= '5' ? 1n : 0n)
  const number = Number(sign === '-' ? -size : size)
  return Number.isSafeInteger(number) ? number : null
}

export function isWhole(decimal: Decimal): boolean {
  return !decimal.includes('.')
}

/** How a decimal stands in JSON: a number where that holds all its digits whoever reads it, else text. */
export function jsonOf(decimal: Decimal): number | string {
  const { whole, fraction } = partsOf(decimal)
  const digits = `${whole}${fraction}`.replace(/^0+/, '').length
  return digits <= exactDigits || (fraction === '' && Number.isSafeInteger(Number(decimal))) ? Number(decimal) : decimal
}

function spelled(sign: string, whole: string, fraction: string, places: number): Decimal {
  const left = whole.padStart(whole.length + Math.max(0, -places), '0')
  const right = fraction.padEnd(Math.max(0, places), '0')
  const digits = left + right
  const point = left.length + places
  const integer = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0'
  const rest = digits.slice(point).replace(/0+$/, '')
  const text = rest === '' ? integer : `${integer}.${rest}`
  return sign === '-' && text !== '0' ? `-${text}` : text
}

function partsOf(decimal: Decimal): { readonly sign: string; readonly whole: string; readonly fraction: string } {
  const [, sign = '', whole = '0', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(decimal) ?? []
  return { sign, whole, fraction }
}
