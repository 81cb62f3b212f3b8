import { isWhole, shifted, type Decimal } from '../../../schema/decimal.ts'
import { minorDecimals, moneyOf, type Money } from '../../../schema/values.ts'
import { joinFields, mapField, NotUnderstood, type Field } from '../../lenient.ts'

/**
 * Stripe's amounts are in the currency's minor unit, but for two: of krónur and Ugandan shillings, which have no decimals, it sends
 * and takes hundredths. Source: docs.stripe.com/currencies, special cases (read November 2026).
 */
const wireDecimalsOf: Readonly<Record<string, number>> = { ISK: 2, UGX: 2 }

/** How far the point moves from Stripe's amounts to ours. */
function placesFromWire(currency: string): number {
  const code = currency.toUpperCase()
  return minorDecimals(code) - (wireDecimalsOf[code] ?? minorDecimals(code))
}

/** An amount as Stripe has it, in our unit. */
export function minorOf(wire: Decimal, currency: string): Decimal {
  const places = placesFromWire(currency)
  return places === 0 ? wire : shifted(wire, places)
}

/** An amount in our unit, as Stripe takes it. */
export function wireOf(minor: Decimal, currency: string): Decimal {
  const places = placesFromWire(currency)
  return places === 0 ? minor : shifted(minor, -places)
}

/** Whether Stripe bills this amount in our unit as it is: of a currency whose hundredths must be `00` it takes no parts. */
export function isBillable(minor: Decimal, currency: string): boolean {
  return placesFromWire(currency) === 0 || isWhole(minor)
}

/** @returns not understood beyond 2^53 - 1 */
export function money(amount: Field<number>, currency: Field<string>): Field<Money> {
  return joinFields(amount, currency, (wire, code) => moneyOrFault(minorOf(String(wire), code), code))
}

/** A price of one with its decimals. @returns null where it is no whole amount */
export function wholeMoney(price: Field<Decimal>, currency: Field<string>): Field<Money> {
  return joinFields(price, currency, (wire, code) => {
    const minor = minorOf(wire, code)
    return isWhole(minor) ? moneyOrFault(minor, code) : null
  })
}

/** The same in our unit, whole or not. */
export function minorPrice(price: Field<Decimal>, currency: Field<string>): Field<Decimal> {
  return joinFields(price, currency, minorOf)
}

/** Not understood where one of them is not; what was not given counts as nothing. */
export function sum(...amounts: readonly Field<number>[]): Field<number> {
  let total = 0
  for (const amount of amounts) {
    if (amount instanceof NotUnderstood) return amount
    total += amount ?? 0
  }
  return Number.isSafeInteger(total) ? total : new NotUnderstood('stripe', 'expected a sum below 2^53')
}

export function negated(amount: Field<number>): Field<number> {
  return mapField(amount, value => 0 - value)
}

function moneyOrFault(minor: Decimal, currency: string): Money | NotUnderstood {
  return moneyOf(minor, currency) ?? new NotUnderstood('stripe', 'expected an amount below 2^53')
}
