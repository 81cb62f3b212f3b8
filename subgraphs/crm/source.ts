import type { Address } from '../../schema/values.ts'
import type { GraphContext, WriteSteps, Written } from '../contract.ts'
import type { Field } from '../lenient.ts'

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

/** What the CRM says of a customer. Null is "not known"; a field that it does not understand fails alone. */
export interface CustomerFields {
  readonly id: string
  readonly name: Field<string>
  readonly email: Field<string>
  readonly phone: Field<string>
  readonly address: Field<AddressFields>
  readonly lifecycleStage: Field<LifecycleStage>
  readonly createdAt: Field<Date>
  readonly updatedAt: Field<Date>
}

export type AddressFields = { readonly [Part in keyof Address]: Field<Address[Part]> }

/** Every field of a Customer that the CRM answers. */
export type CustomerField = Exclude<keyof CustomerFields, 'id'> | 'company' | 'lifecycleStageName'

/** Stages to filter by; both conditions hold where both are given. */
export interface StageFilter {
  readonly lifecycleStage?: readonly LifecycleStage[] | null
  /** As the business names them. */
  readonly lifecycleStageName?: readonly string[] | null
}

/** Fields to write: absent stays as it is, null empties. */
export interface CustomerPatch {
  readonly name?: string | null
  readonly email?: string | null
  readonly phone?: string | null
  readonly address?: Partial<Address> | null
  readonly company?: string | null
  readonly lifecycleStage?: LifecycleStage | null
  /** As the business names it; not together with `lifecycleStage`. */
  readonly lifecycleStageName?: string | null
}

/** What any CRM must answer. Throws VendorError. */
export interface CrmSource {
  readonly system: string
  /** @returns null when the CRM has no such customer */
  customer(id: string, context: GraphContext): Promise<CustomerFields | null>
  /** The company the customer works for, wherever the CRM keeps it. */
  company(id: string, context: GraphContext): Promise<string | null>
  /** The lifecycle stage as the business names it. */
  lifecycleStageName(id: string, context: GraphContext): Promise<string | null>
  /** The stages as the record index has them, which is the CRM's own way. */
  stages(filter: StageFilter, context: GraphContext): Promise<readonly string[]>
  /** Ids of customers that match the text, best first; asked of the CRM, at most 2 s old. */
  search(text: string, first: number, context: GraphContext): Promise<readonly string[]>
  create(fields: CustomerPatch, context: GraphContext, steps: WriteSteps): Promise<readonly [Written, ...Written[]]>
  update(
    id: string,
    patch: CustomerPatch,
    context: GraphContext,
    steps: WriteSteps,
  ): Promise<readonly [Written, ...Written[]]>
}
