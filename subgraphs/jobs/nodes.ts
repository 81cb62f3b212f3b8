import type { RecordRef } from '../../schema/systems.ts'
import type { Connection } from '../connection.ts'

/** What resolvers hand on for the types of the role. */

/** A job in an answer; its values are asked for when a field needs them. */
export interface JobNode {
  readonly id: string
  readonly near?: string
  /** Where the index already told it. */
  readonly record?: RecordRef
}

/** A customer, of whom the jobs tool knows the CRM's id. */
export interface CustomerNode {
  readonly id: string
}

/** An order, of which the jobs tool knows billing's id. */
export interface OrderNode {
  readonly id: string
}

export type JobPage = Connection<JobNode>
