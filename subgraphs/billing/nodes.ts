import type { RecordRef } from '../../schema/systems.ts'
import type { Money } from '../../schema/values.ts'
import type { Connection } from '../connection.ts'
import type { IndexSum } from '../contract.ts'
import type { Field } from '../lenient.ts'
import type { CollectionFields, PaymentFields } from './source.ts'

/** What resolvers hand on for the types of the role. */

/** An order before anything of it is read. */
export interface OrderNode {
  readonly id: string
  readonly near?: string
  /** Known for orders of a list. */
  readonly record?: RecordRef
}

/** A customer, of whom billing knows the CRM's id. */
export interface CustomerNode {
  readonly id: string
}

/** A product before anything of it is read. */
export interface ProductNode {
  readonly id: string
}

export type OrderPage = Connection<OrderNode> & {
  /** A resolver: the store is asked only when a client selects the field. */
  readonly sums: () => Promise<readonly SumOfOrders[]>
}

/** What the orders of one status and currency come to. */
export type SumOfOrders = IndexSum

/** A payment with its order, by which is asked what went back of it. */
export interface PaymentNode extends PaymentFields {
  readonly order: OrderNode
}

/** How an order is collected, with the order, by which is asked why it failed. */
export interface CollectionNode extends CollectionFields {
  readonly order: OrderNode
}

export interface BalanceNode {
  readonly currency: string
  readonly outstanding: Money | null
  readonly credit: Field<Money>
  readonly debit: Field<Money>
  /** Asked once for all currencies. */
  cash(): Promise<Money>
}

export type ProductPage = Connection<ProductNode>
