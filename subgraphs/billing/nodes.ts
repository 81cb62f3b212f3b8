import type { RecordRef } from '../../schema/systems.ts'
import type { Connection } from '../connection.ts'

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

export type OrderPage = Connection<OrderNode>

export type ProductPage = Connection<ProductNode>
