/** An amount in the currency's minor unit (cents, yen) with its ISO 4217 code in upper case. */
export interface Money {
  readonly amount: number
  readonly currency: string
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
 * The form in which two systems' e-mail addresses are compared: trimmed, Unicode-normalised, lower case.
 * @returns null when the text cannot be an address (no `@`, empty side, white space or a control character inside)
 */
export function normalizeEmail(text: string | null | undefined): string | null {
  if (typeof text !== 'string') return null
  const email = text.trim().normalize('NFC').toLowerCase()
  return /^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u.test(email) && email.length <= 320 ? email : null
}
