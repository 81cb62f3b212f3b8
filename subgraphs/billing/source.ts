import type { RecordRef } from '../../schema/systems.ts'
import type { Address, Money } from '../../schema/values.ts'
import type { GraphContext, Wanted, WriteSteps, Written } from '../contract.ts'

export const orderStatuses = ['DRAFT', 'OPEN', 'PAID', 'VOID', 'UNCOLLECTIBLE'] as const

export type OrderStatus = (typeof orderStatuses)[number]

export const paymentStatuses = ['OPEN', 'PAID', 'CANCELED'] as const

export type PaymentStatus = (typeof paymentStatuses)[number]

export const priceIntervals = ['DAY', 'WEEK', 'MONTH', 'YEAR'] as const

export type PriceInterval = (typeof priceIntervals)[number]

export interface OrderFields {
  readonly id: string
  /** The record itself, to ask the links for its customer. */
  readonly record: RecordRef
  readonly number: string | null
  readonly status: OrderStatus | null
  readonly subtotal: Money | null
  readonly total: Money | null
  readonly amountPaid: Money | null
  readonly amountRemaining: Money | null
  readonly memo: string | null
  readonly createdAt: Date | null
  readonly finalizedAt: Date | null
  readonly dueAt: Date | null
  readonly paidAt: Date | null
  readonly payments: readonly PaymentFields[] | null
  readonly hostedUrl: string | null
  readonly pdfUrl: string | null
  readonly billTo: BillToFields | null
}

export interface BillToFields {
  readonly name: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly address: Address | null
}

export interface OrderLineFields {
  readonly id: string
  readonly description: string | null
  readonly quantity: number | null
  readonly unitPrice: Money | null
  readonly amount: Money | null
  readonly productId: string | null
}

export interface PaymentFields {
  readonly id: string
  readonly status: PaymentStatus | null
  readonly amount: Money | null
  readonly paidAt: Date | null
}

export interface ProductFields {
  readonly id: string
  readonly name: string | null
  readonly description: string | null
  readonly isActive: boolean | null
  readonly createdAt: Date | null
  readonly updatedAt: Date | null
}

export interface PriceFields {
  readonly id: string
  readonly nickname: string | null
  readonly unitAmount: Money | null
  readonly interval: PriceInterval | null
  readonly isActive: boolean | null
}

export interface PaymentMethodFields {
  readonly id: string
  readonly type: string | null
  readonly brand: string | null
  readonly last4: string | null
  readonly expiryMonth: number | null
  readonly expiryYear: number | null
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
  | { readonly priceId: string; readonly quantity: number }
  | { readonly description: string; readonly unitAmount: number; readonly quantity: number }

/** What any billing system must answer. Throws VendorError. */
export interface BillingSource {
  readonly system: string
  /** @returns null when there is no such order */
  order(wanted: Wanted, context: GraphContext): Promise<OrderFields | null>
  /** Every line, however many. */
  lines(orderId: string, context: GraphContext): Promise<readonly OrderLineFields[]>
  product(id: string, context: GraphContext): Promise<ProductFields | null>
  prices(productId: string, context: GraphContext): Promise<readonly PriceFields[]>
  /** Credit per currency over the given billing records of one customer; amounts are positive. */
  credits(records: readonly RecordRef[], context: GraphContext): Promise<readonly Money[]>
  /** The default means of payment of one billing record; null when it has none. */
  paymentMethod(record: RecordRef, context: GraphContext): Promise<PaymentMethodFields | null>
  create(order: NewOrder, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  finalize(id: string, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  void(id: string, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  markPaid(id: string, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
}
