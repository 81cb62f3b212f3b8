import type { EntityType } from './entities.ts'
import type { Owner, Role } from './systems.ts'

/**
 * What is to be done when a copy differs from its owner. A declaration: copies are not compared or written yet.
 * - `report`: record the difference for a person to see.
 * - `repair`: write the owner's value to the copy.
 * - `ignore`: the copy may differ.
 */
export type DriftRule = 'report' | 'repair' | 'ignore'

export interface FieldOwnership {
  /** The one role that decides the field. Only it may be written through. */
  readonly owner: Owner
  /** Roles whose systems keep a value of their own for it. */
  readonly copies: readonly Role[]
  readonly onDrift: DriftRule
}

/** `Entity.field` */
export type FieldName = `${EntityType}.${string}`

const crm: FieldOwnership = { owner: 'crm', copies: [], onDrift: 'ignore' }
const crmCopiedToBilling: FieldOwnership = { owner: 'crm', copies: ['billing'], onDrift: 'report' }
const billing: FieldOwnership = { owner: 'billing', copies: [], onDrift: 'ignore' }
const jobs: FieldOwnership = { owner: 'jobs', copies: [], onDrift: 'ignore' }
const live: FieldOwnership = { owner: 'live', copies: [], onDrift: 'ignore' }

/**
 * Who decides each field of each entity. What it is known by (`id`, `nodeId`) is shared by all roles and stands in no row.
 * Composition fails when this table and the roles' SDL disagree.
 */
export const ownership: Readonly<Record<FieldName, FieldOwnership>> = {
  'Customer.name': crmCopiedToBilling,
  'Customer.email': crmCopiedToBilling,
  'Customer.phone': crmCopiedToBilling,
  'Customer.address': crmCopiedToBilling,
  'Customer.company': crm,
  'Customer.lifecycleStage': crm,
  'Customer.lifecycleStageName': crm,
  'Customer.createdAt': crm,
  'Customer.updatedAt': crm,
  'Customer.balances': billing,
  'Customer.paymentMethod': billing,
  'Customer.orders': billing,
  'Customer.jobs': jobs,
  'Customer.links': live,

  'Order.number': billing,
  'Order.status': billing,
  'Order.lines': billing,
  'Order.subtotal': billing,
  'Order.discount': billing,
  'Order.shipping': billing,
  'Order.tax': billing,
  'Order.includedTax': billing,
  'Order.total': billing,
  'Order.amountDue': billing,
  'Order.amountPaid': billing,
  'Order.amountReturned': billing,
  'Order.returns': billing,
  'Order.amountRemaining': billing,
  'Order.memo': billing,
  'Order.createdAt': billing,
  'Order.finalizedAt': billing,
  'Order.dueAt': billing,
  'Order.paidAt': billing,
  'Order.payments': billing,
  'Order.collection': billing,
  'Order.hostedUrl': billing,
  'Order.pdfUrl': billing,
  'Order.customer': billing,
  'Order.billTo': billing,
  'Order.jobs': jobs,

  'Product.name': billing,
  'Product.description': billing,
  'Product.isActive': billing,
  'Product.prices': billing,
  'Product.createdAt': billing,
  'Product.updatedAt': billing,

  'Job.title': jobs,
  'Job.status': jobs,
  'Job.isCompleted': jobs,
  'Job.description': jobs,
  'Job.schedule': jobs,
  'Job.assignee': jobs,
  'Job.customer': jobs,
  'Job.order': jobs,
  'Job.url': jobs,
  'Job.createdAt': jobs,
  'Job.updatedAt': jobs,
  'Job.completedAt': jobs,
}

/** @returns undefined for a key and for a field nobody owns */
export function ownershipOf(entity: EntityType, field: string): FieldOwnership | undefined {
  const name: FieldName = `${entity}.${field}`
  return Object.hasOwn(ownership, name) ? ownership[name] : undefined
}
