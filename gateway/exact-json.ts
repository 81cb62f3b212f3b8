import { holdsLoneSurrogate } from './utf8.ts'

/** Below it every number of JSON is the number that was written: a double keeps 15 digits. */
const exactDigits = 15

const manyDigits = new RegExp(`[\\d.]{${exactDigits + 1}}`)
const surrogate = /\\u[dD][89a-fA-F]/

/** What came of a text, or why it is not taken. */
export type ReadJson = { readonly value: unknown } | 'no JSON' | 'lone surrogate'

/**
 * Reads JSON without making another value of what was sent: integers that a number cannot hold become strings of their digits, as an
 * ID is written anyway, and texts that have no UTF-8 are refused.
 */
export function readJson(text: string): ReadJson {
  try {
    let value: unknown = JSON.parse(text)
    if (surrogate.test(text) && holdsLoneSurrogate(value)) return 'lone surrogate'
    if (manyDigits.test(text)) value = JSON.parse(withExactIntegers(text))
    return { value }
  } catch {
    return 'no JSON'
  }
}

/**
 * The same JSON, with strings in place of the integers that a number cannot hold: `9007199254740993` would be read as …992, and another
 * record looked up. An Int refuses the string in its own words.
 * @param text valid JSON
 */
export function withExactIntegers(text: string): string {
  if (!manyDigits.test(text)) return text
  const parts: string[] = []
  let from = 0
  let at = 0
  while (at < text.length) {
    const character = text.charAt(at)
    if (character === '"') {
      at = endOfString(text, at)
    } else if (character === '-' || (character >= '0' && character <= '9')) {
      const end = endOfNumber(text, at)
      const digits = text.slice(at, end)
      if (!isExact(digits)) {
        parts.push(text.slice(from, at), `"${digits}"`)
        from = end
      }
      at = end
    } else at += 1
  }
  return parts.join('') + text.slice(from)
}

/** @param start of its first quote. @returns the place after its last one */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\\') at += 1
    else if (character === '"') return at + 1
  }
  return text.length
}

function endOfNumber(text: string, start: number): number {
  let at = start + 1
  while (at < text.length && /[\d.eE+-]/.test(text.charAt(at))) at += 1
  return at
}

/** A fraction is as near as a number can be, and no ID; what is rounded to an integer would be taken for one. */
function isExact(digits: string): boolean {
  if (digits.length <= exactDigits) return true
  const value = Number(digits)
  if (!Number.isInteger(value)) return true
  return /^-?\d+$/.test(digits) && Number.isSafeInteger(value)
}
