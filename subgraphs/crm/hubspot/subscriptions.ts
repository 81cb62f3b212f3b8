import { contactProperties } from './records.ts'

/** What an app is subscribed to, so that every change that the graph shows is heard of. */
export interface Subscription {
  readonly object: 'contact' | 'company'
  readonly happening: 'creation' | 'deletion' | 'restore' | 'merge' | 'associationChange' | 'propertyChange'
  /** Of a `propertyChange`: one subscription a property. */
  readonly property?: string
}

/** A merge tells of them, and they are lists that HubSpot fills by itself. */
const toldByMerge: ReadonlySet<string> = new Set(['hs_merged_object_ids', 'hs_calculated_merged_vids'])

/** Besides these an app needs `contact.privacyDeletion`, which project files keep among their hub events. */
export const subscriptions: readonly Subscription[] = [
  ...(['creation', 'deletion', 'restore', 'merge', 'associationChange'] as const).map(happening => ({
    object: 'contact' as const,
    happening,
  })),
  ...contactProperties
    .filter(property => !toldByMerge.has(property))
    .map(property => ({ object: 'contact' as const, happening: 'propertyChange' as const, property })),
  // A customer's company may be the name of the company that the contact is associated with.
  { object: 'company', happening: 'propertyChange', property: 'name' },
  { object: 'company', happening: 'deletion' },
  { object: 'company', happening: 'restore' },
  { object: 'company', happening: 'merge' },
]
