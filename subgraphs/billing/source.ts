import type { RecordRef } from '../../schema/systems.ts'
import type { Money } from '../../schema/values.ts'
import type { Decimal } from '../../schema/decimal.ts'
import type { GraphContext, Wanted, WriteSteps, Written } from '../contract.ts'
import type { Field, NotUnderstood } from '../lenient.ts'

export const orderStatuses = ['DRAFT', 'OPEN', 'PAID', 'VOID', 'UNCOLLECTIBLE'] as const

export type OrderStatus = (typeof orderStatuses)[number]

export const paymentStatuses = ['OPEN', 'PAID', 'CANCELED'] as const

export type PaymentStatus = (typeof paymentStatuses)[number]

export const priceIntervals = ['DAY', 'WEEK', 'MONTH', 'YEAR'] as const

export type PriceInterval = (typeof priceIntervals)[number]

export const priceSchemes = ['PER_UNIT', 'PACKAGE', 'TIERED', 'CUSTOM'] as const

export type PriceScheme = (typeof priceSchemes)[number]

export const tiersModes = ['GRADUATED', 'VOLUME'] as const

export type TiersMode = (typeof tiersModes)[number]

export const priceUsages = ['LICENSED', 'METERED'] as const

export type PriceUsage = (typeof priceUsages)[number]

export const returnKinds = ['REFUND', 'CREDIT_NOTE', 'DISPUTE'] as const

export type ReturnKind = (typeof returnKinds)[number]

export const returnStatuses = ['PENDING', 'DONE', 'FAILED'] as const

export type ReturnStatus = (typeof returnStatuses)[number]

// What a system did not give is null; what it gave and is not understood stands as such, and is the error of that one field.

export interface OrderFields {
  readonly id: string
  /** The record itself, to ask the links for its customer. */
  readonly record: RecordRef
  readonly number: Field<string>
  readonly status: Field<OrderStatus>
  readonly subtotal: Field<Money>
  readonly discount: Field<Money>
  readonly shipping: Field<Money>
  readonly tax: Field<Money>
  readonly includedTax: Field<Money>
  readonly total: Field<Money>
  readonly amountDue: Field<Money>
  readonly amountPaid: Field<Money>
  readonly amountRemaining: Field<Money>
  readonly memo: Field<string>
  readonly createdAt: Field<Date>
  readonly finalizedAt: Field<Date>
  readonly dueAt: Field<Date>
  readonly paidAt: Field<Date>
  readonly collection: CollectionFields
  readonly hostedUrl: Field<string>
  readonly pdfUrl: Field<string>
  readonly billTo: BillToFields | null
}

export interface BillToFields {
  readonly name: Field<string>
  readonly email: Field<string>
  readonly phone: Field<string>
  readonly address: Field<AddressFields>
}

export interface AddressFields {
  readonly street: Field<string>
  readonly city: Field<string>
  readonly region: Field<string>
  readonly postalCode: Field<string>
  readonly country: Field<string>
}

export interface OrderLineFields {
  readonly id: string
  readonly description: Field<string>
  readonly quantity: Field<Decimal>
  readonly unitPrice: Field<Money>
  readonly unitPriceDecimal: Field<Decimal>
  readonly amount: Field<Money>
  readonly discount: Field<Money>
  readonly tax: Field<Money>
  readonly includedTax: Field<Money>
  readonly total: Field<Money>
  readonly productId: Field<string>
}

export interface PaymentFields {
  readonly id: string
  readonly status: Field<PaymentStatus>
  readonly amount: Field<Money>
  readonly paidAt: Field<Date>
}

/** Asked of the system apart from the order. */
export interface OrderReturns {
  readonly amount: Field<Money>
  /** Newest first. */
  readonly returns: readonly ReturnFields[]
  /** By the payment's id; a payment of which nothing went back stands in it with 0. */
  readonly amountByPayment: ReadonlyMap<string, Field<Money>>
}

export interface ReturnFields {
  readonly id: string
  readonly kind: ReturnKind
  readonly status: Field<ReturnStatus>
  readonly amount: Field<Money>
  readonly reason: Field<string>
  readonly createdAt: Field<Date>
}

export interface CollectionFields {
  readonly isAutomatic: Field<boolean>
  readonly isFailing: Field<boolean>
  readonly attempts: Field<number>
  readonly nextAttemptAt: Field<Date>
}

export interface PaymentFailureFields {
  readonly code: Field<string>
  readonly declineCode: Field<string>
  readonly message: Field<string>
}

export interface ProductFields {
  readonly id: string
  readonly name: Field<string>
  readonly description: Field<string>
  readonly isActive: Field<boolean>
  readonly createdAt: Field<Date>
  readonly updatedAt: Field<Date>
}

export interface PriceFields {
  readonly id: string
  readonly nickname: Field<string>
  readonly scheme: Field<PriceScheme>
  readonly unitAmount: Field<Money>
  readonly unitAmountDecimal: Field<Decimal>
  readonly packageAmount: Field<Money>
  readonly packageSize: Field<number>
  readonly tiersMode: Field<TiersMode>
  readonly currency: Field<string>
  readonly recurrence: Field<RecurrenceFields>
  readonly interval: Field<PriceInterval>
  readonly isActive: Field<boolean>
}

export interface RecurrenceFields {
  readonly interval: Field<PriceInterval>
  readonly intervalCount: Field<number>
  readonly usage: Field<PriceUsage>
}

export interface PaymentMethodFields {
  readonly id: string
  readonly type: Field<string>
  readonly brand: Field<string>
  readonly last4: Field<string>
  readonly expiryMonth: Field<number>
  readonly expiryYear: Field<number>
}

/** What stands between the business and a customer beside their orders, per currency; amounts are positive. */
export interface StandingBalances {
  readonly credits: readonly Money[]
  readonly debits: readonly Money[]
  /** What was not understood of them; null when all was. */
  readonly fault: NotUnderstood | null
}

export interface NewOrder {
  /** The CRM's id of the customer. */
  readonly customerId: string
  /** Upper case. */
  readonly currency: string
  readonly lines: readonly NewOrderLine[]
  readonly daysUntilDue: number
  readonly memo: string | null
  readonly finalize: boolean
}

export type NewOrderLine =
  | { readonly priceId: string; readonly quantity: Decimal }
  | { readonly description: string; readonly unitAmount: number; readonly quantity: Decimal }

/** What any billing system must answer. Throws VendorError. */
export interface BillingSource {
  readonly system: string
  /** @returns null when there is no such order */
  order(wanted: Wanted, context: GraphContext): Promise<OrderFields | null>
  /** Every line, however many. */
  lines(orderId: string, context: GraphContext): Promise<Field<readonly (OrderLineFields | NotUnderstood)[]>>
  /** Every payment made or tried, newest first. */
  payments(orderId: string, context: GraphContext): Promise<Field<readonly (PaymentFields | NotUnderstood)[]>>
  /** What went back of an order's payments. */
  returns(orderId: string, context: GraphContext): Promise<OrderReturns | null>
  /** Why the last try to collect an order failed; null when nothing is known. */
  lastFailure(orderId: string, context: GraphContext): Promise<Field<PaymentFailureFields>>
  product(id: string, context: GraphContext): Promise<ProductFields | null>
  prices(productId: string, context: GraphContext): Promise<readonly (PriceFields | NotUnderstood)[]>
  /** Over the given billing records of one customer. */
  standing(records: readonly RecordRef[], context: GraphContext): Promise<StandingBalances>
  /** Money that came from the customer and is applied to nothing yet, over the same records. */
  cash(records: readonly RecordRef[], context: GraphContext): Promise<readonly Money[]>
  /** The default means of payment of one billing record; null when it has none. */
  paymentMethod(record: RecordRef, context: GraphContext): Promise<Field<PaymentMethodFields>>
  create(order: NewOrder, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  finalize(id: string, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  void(id: string, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  markPaid(id: string, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
}
