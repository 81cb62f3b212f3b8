import { domainToASCII } from 'node:url'
import { rounded, type Decimal } from './decimal.ts'

/** An amount in the currency's minor unit (cents, yen) with its ISO 4217 code in upper case. */
export interface Money {
  /** Rounded half away from zero where the tool has parts of the minor unit. */
  readonly amount: number
  readonly currency: string
  /** The same with those parts; absent where there are none. */
  readonly exact?: Decimal
}

/** Source: ISO 4217, minor units. Ariary have a fifth by the standard, and no business counts in it. */
const decimalsByCurrency: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    'BIF CLP DJF GNF ISK JPY KMF KRW MGA PYG RWF UGX VND VUV XAF XOF XPF'.split(' ').map(code => [code, 0]),
  ),
  ...Object.fromEntries('BHD IQD JOD KWD LYD OMR TND'.split(' ').map(code => [code, 3])),
}

/** How many decimals the minor unit of a currency stands for: 2 for EUR, 0 for JPY, 3 for KWD. @param currency in any case */
export function minorDecimals(currency: string): number {
  return decimalsByCurrency[currency.toUpperCase()] ?? 2
}

/** Money of an amount in the minor unit that may have parts of it. @returns null beyond 2^53 - 1 */
export function moneyOf(minor: Decimal, currency: string): Money | null {
  const amount = rounded(minor)
  if (amount === null) return null
  const money = { amount, currency: currency.toUpperCase() }
  return String(amount) === minor ? money : { ...money, exact: minor }
}

/** A postal address as far as the system knows it. `country` is as the system has it: a code or a name. */
export interface Address {
  readonly street: string | null
  readonly city: string | null
  readonly region: string | null
  readonly postalCode: string | null
  readonly country: string | null
}

/**
 * The form in which two systems' e-mail addresses are compared: trimmed, Unicode-normalised, lower case, the domain in its ASCII
 * form: `info@MÜLLER.example` and `info@xn--mller-kva.example` are one address.
 * @returns null when the text cannot be an address (no `@`, empty side, white space, a control character or U+FFFD inside: two addresses
 * that each lost a character are not one)
 */
export function normalizeEmail(text: string | null | undefined): string | null {
  if (typeof text !== 'string') return null
  const email = text.trim().normalize('NFC').toLowerCase()
  if (!/^[^\s@\p{Cc}\ufffd]+@[^\s@\p{Cc}\ufffd]+$/u.test(email) || email.length > 320) return null
  const domainAt = email.indexOf('@') + 1
  const domain = email.slice(domainAt)
  // Only where there is something to convert: of ASCII text it would also rewrite numbers as addresses of hosts.
  return /\P{ASCII}/u.test(domain) ? email.slice(0, domainAt) + (domainToASCII(domain) || domain) : email
}

/** Longest printed number, and longest part of a name, that is kept and compared. */
const longestNumber = 100
const longestName = 100

/**
 * The form in which numbers printed on orders are compared: trimmed, Unicode-normalised, upper case.
 * @returns null when the text cannot be one (empty, over 100 characters, control characters, half of a character or U+FFFD inside)
 */
export function normalizeNumber(text: string | null | undefined): string | null {
  const number = (text ?? '').trim().normalize('NFC').toUpperCase()
  return number === '' || number.length > longestNumber || /[\p{Cc}\p{Cs}\ufffd]/u.test(number) ? null : number
}

/** Letters that no Unicode normalisation takes apart, as people type them who do not have them on their keyboard. */
const plainLetters: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ø', 'o'],
  ['đ', 'd'],
  ['ð', 'd'],
  ['ħ', 'h'],
  ['ı', 'i'],
  ['ł', 'l'],
  ['þ', 'th'],
  ['ς', 'σ'],
])

/**
 * What people leave out when they type a name: accents of Latin, Greek and Cyrillic letters, points of Hebrew, vowels and tatweel of
 * Arabic, apostrophes, and characters that are not seen. Marks of other scripts are letters of the name.
 */
const optionalMarks =
  /['’ʼ`\u0640\p{Cf}]|[\u0300-\u036f]|[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7]|[\u064b-\u065f\u0670]/gu

/**
 * The form in which names are compared: without regard to case, accents, punctuation and repeated spaces. "O’Brien-Müller" is
 * `obrien muller`. The first 100 characters count.
 * @returns null when it has neither letter nor digit
 */
export function normalizeName(text: string | null | undefined): string | null {
  const words = (text ?? '')
    // A name is read to its end only as far as it counts; decomposing makes a character longer, never shorter.
    .slice(0, 4 * longestName)
    .normalize('NFKD')
    .toLowerCase()
    .replace(optionalMarks, '')
    .replace(/[ßæœøđðħıłþς]/g, letter => plainLetters.get(letter) ?? letter)
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, ' ')
    .normalize('NFC')
  const name = Array.from(words.trim()).slice(0, longestName).join('').trim()
  return name === '' ? null : name
}
