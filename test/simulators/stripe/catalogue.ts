import { blankPrice, blankProduct } from './blank.ts'
import { badRequest } from './errors.ts'
import { previousAttributes } from './events.ts'
import { choice, decimal, flag, integer, mergeMetadata, nested, required, text } from './params.ts'
import type { Act } from './events.ts'
import type { Params } from './params.ts'
import type { Price, Product, Tier } from './records.ts'
import type { StripeState } from './state.ts'

export const productFields = ['active', 'default_price', 'description', 'metadata', 'name'] as const
export const priceCreateFields = [
  'active',
  'billing_scheme',
  'currency',
  'custom_unit_amount',
  'metadata',
  'nickname',
  'product',
  'recurring',
  'tiers',
  'tiers_mode',
  'transform_quantity',
  'unit_amount',
  'unit_amount_decimal',
] as const
export const priceUpdateFields = ['active', 'metadata', 'nickname'] as const

export interface Catalogue {
  createProduct(params: Params, act: Act): Product
  updateProduct(id: string, params: Params, act: Act): Product
  /** Only one without prices. */
  deleteProduct(id: string, act: Act): { readonly id: string; readonly object: 'product'; readonly deleted: true }
  createPrice(params: Params, act: Act): Price
  updatePrice(id: string, params: Params, act: Act): Price
}

/** Source: Stripe API reference, products and prices. */
export function createCatalogue(state: StripeState): Catalogue {
  return {
    createProduct(params, act) {
      const product = patchedProduct(blankProduct(state.newId('prod'), required(params, 'name'), state.now()), params)
      state.products.set(product.id, product)
      state.events.emit('product.created', product, act)
      return product
    },
    updateProduct(id, params, act) {
      const before = state.product(id)
      const patched = patchedProduct(before, params)
      if (Object.keys(previousAttributes(before, patched)).length === 0) return before
      const after = { ...patched, updated: state.now() }
      state.products.set(id, after)
      state.events.emitUpdate('product.updated', before, after, act)
      return after
    },
    deleteProduct(id, act) {
      const product = state.product(id)
      if ([...state.prices.values()].some(price => price.product === id)) {
        throw badRequest('This product cannot be deleted because it has one or more user-created prices.')
      }
      state.products.delete(id)
      state.events.emit('product.deleted', product, act)
      return { id, object: 'product', deleted: true }
    },
    createPrice(params, act) {
      const product = state.product(required(params, 'product'), 'product')
      const currency = required(params, 'currency').toLowerCase()
      const blank = blankPrice(state.newId('price'), product.id, currency, 0, state.now())
      const price = patchedPrice({ ...blank, ...recurrenceIn(params), ...worthIn(params) }, params)
      state.prices.set(price.id, price)
      const tiers = tiersIn(params)
      if (tiers.length > 0) state.tiers.set(price.id, tiers)
      state.events.emit('price.created', price, act)
      return price
    },
    updatePrice(id, params, act) {
      const before = state.price(id)
      const after = patchedPrice(before, params)
      state.prices.set(id, after)
      state.events.emitUpdate('price.updated', before, after, act)
      return after
    },
  }

  function patchedProduct(product: Product, params: Params): Product {
    const description = text(params, 'description')
    const price = text(params, 'default_price')
    if (typeof price === 'string') state.price(price, 'default_price')
    return {
      ...product,
      active: flag(params, 'active') ?? product.active,
      default_price: price === undefined ? product.default_price : price,
      description: description === undefined ? product.description : description,
      metadata: mergeMetadata(params, product.metadata),
      name: text(params, 'name') ?? product.name,
    }
  }

  function patchedPrice(price: Price, params: Params): Price {
    const nickname = text(params, 'nickname')
    return {
      ...price,
      active: flag(params, 'active') ?? price.active,
      metadata: mergeMetadata(params, price.metadata),
      nickname: nickname === undefined ? price.nickname : nickname,
    }
  }
}

/** A price of one, of a package, of tiers, or one that the customer names. Source: Stripe API reference, create a price. */
function worthIn(params: Params): Partial<Price> {
  if (nested(params, 'custom_unit_amount') !== undefined) {
    return {
      unit_amount: null,
      unit_amount_decimal: null,
      custom_unit_amount: { maximum: null, minimum: null, preset: null },
    }
  }
  const mode = choice(params, 'tiers_mode', ['graduated', 'volume'])
  if (choice(params, 'billing_scheme', ['per_unit', 'tiered']) === 'tiered') {
    if (mode === undefined) throw badRequest('Missing required param: tiers_mode.', 'parameter_missing', 'tiers_mode')
    return { billing_scheme: 'tiered', tiers_mode: mode, unit_amount: null, unit_amount_decimal: null }
  }
  const unit = text(params, 'unit_amount_decimal') ?? text(params, 'unit_amount') ?? null
  if (unit === null) throw badRequest('Missing required param: unit_amount.', 'parameter_missing', 'unit_amount')
  const whole = params.has('unit_amount') ? integer(params, 'unit_amount') : decimal(params, 'unit_amount_decimal')
  const packages = nested(params, 'transform_quantity')
  return {
    // Null where it is no whole number.
    unit_amount: Number.isInteger(whole) ? (whole ?? null) : null,
    unit_amount_decimal: unit,
    transform_quantity:
      packages === undefined || packages === null
        ? null
        : {
            divide_by: integer(packages, 'divide_by') ?? 1,
            round: choice(packages, 'round', ['down', 'up']) ?? 'up',
          },
  }
}

function recurrenceIn(params: Params): Partial<Price> {
  const given = nested(params, 'recurring')
  if (given === undefined || given === null) return {}
  const interval = choice(given, 'interval', ['day', 'week', 'month', 'year'])
  if (interval === undefined) {
    throw badRequest('Missing required param: recurring[interval].', 'parameter_missing', 'recurring[interval]')
  }
  return {
    type: 'recurring',
    recurring: {
      interval,
      interval_count: integer(given, 'interval_count') ?? 1,
      meter: null,
      trial_period_days: null,
      usage_type: choice(given, 'usage_type', ['licensed', 'metered']) ?? 'licensed',
    },
  }
}

function tiersIn(params: Params): readonly Tier[] {
  return [...(nested(params, 'tiers')?.values() ?? [])].map(tier => {
    if (typeof tier === 'string') throw badRequest('Invalid object', undefined, 'tiers')
    const flat = text(tier, 'flat_amount_decimal') ?? text(tier, 'flat_amount') ?? null
    const unit = text(tier, 'unit_amount_decimal') ?? text(tier, 'unit_amount') ?? null
    const wholeOf = (amount: string | null) => (amount !== null && /^-?\d+$/.test(amount) ? Number(amount) : null)
    return {
      flat_amount: wholeOf(flat),
      flat_amount_decimal: flat,
      unit_amount: wholeOf(unit),
      unit_amount_decimal: unit,
      up_to: text(tier, 'up_to') === 'inf' ? null : (integer(tier, 'up_to') ?? null),
    }
  })
}
