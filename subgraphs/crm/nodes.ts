import type { Connection } from '../connection.ts'

/** What resolvers hand on for the types of the role. */

/** A customer in an answer; its values are asked for when a field needs them. */
export interface CustomerNode {
  readonly id: string
}

/** A page of customers, whose values are asked for when a field needs them. */
export type CustomerPage = Connection<CustomerNode>
