import type { RecordRef } from '../../schema/systems.ts'
import type { Connection } from '../connection.ts'
import type { IndexSum } from '../contract.ts'

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

export type ProductPage = Connection<ProductNode>
