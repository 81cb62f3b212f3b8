import { blankPrice, blankProduct } from './blank.ts'
import { badRequest } from './errors.ts'
import { previousAttributes } from './events.ts'
import { flag, integer, mergeMetadata, required, text } from './params.ts'
import type { Act } from './events.ts'
import type { Params } from './params.ts'
import type { Price, Product } from './records.ts'
import type { StripeState } from './state.ts'

export const productFields = ['active', 'default_price', 'description', 'metadata', 'name'] as const
export const priceCreateFields = ['active', 'currency', 'metadata', 'nickname', 'product', 'unit_amount'] as const
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
      const unitAmount = integer(params, 'unit_amount')
      if (unitAmount === undefined) throw badRequest('Missing required param: unit_amount.', 'parameter_missing')
      const blank = blankPrice(state.newId('price'), product.id, currency, unitAmount, state.now())
      const price = patchedPrice(blank, params)
      state.prices.set(price.id, price)
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
