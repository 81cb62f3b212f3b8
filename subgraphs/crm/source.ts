import type { Address } from '../../schema/values.ts'
import type { GraphContext, WriteSteps, Written } from '../contract.ts'

export const lifecycleStages = [
  'SUBSCRIBER',
  'LEAD',
  'QUALIFIED_LEAD',
  'OPPORTUNITY',
  'CUSTOMER',
  'EVANGELIST',
  'OTHER',
] as const

export type LifecycleStage = (typeof lifecycleStages)[number]

/** What the CRM says of a customer. Null is "not known". */
export interface CustomerFields {
  readonly id: string
  readonly name: string | null
  readonly email: string | null
  readonly phone: string | null
  readonly address: Address | null
  readonly company: string | null
  readonly lifecycleStage: LifecycleStage | null
  readonly createdAt: Date | null
  readonly updatedAt: Date | null
}

/** Fields to write: absent stays as it is, null empties. */
export interface CustomerPatch {
  readonly name?: string | null
  readonly email?: string | null
  readonly phone?: string | null
  readonly address?: Partial<Address> | null
  readonly company?: string | null
  readonly lifecycleStage?: LifecycleStage | null
}

/** What any CRM must answer. Throws VendorError. */
export interface CrmSource {
  readonly system: string
  /** @returns null when the CRM has no such customer */
  customer(id: string, context: GraphContext): Promise<CustomerFields | null>
  /** Ids of customers that match the text, best first; asked of the CRM, at most 2 s old. */
  search(text: string, first: number, context: GraphContext): Promise<readonly string[]>
  create(fields: CustomerPatch, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  update(id: string, patch: CustomerPatch, context: GraphContext): Promise<readonly [Written, ...Written[]]>
}
