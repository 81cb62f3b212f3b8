import { alwaysAnswered, answeredByDefault, writableProperties } from './properties.ts'
import type { Contact } from './state.ts'

export type View = Readonly<Record<string, unknown>>

/** Source: HubSpot's OpenAPI description, `SimplePublicObject`. Values are text or null, whatever the property's type. */
export function contactView(contact: Contact, names: readonly string[] = []): View {
  const asked = names.length === 0 ? answeredByDefault : [...new Set([...names, ...alwaysAnswered])]
  const properties = asked.flatMap(name => {
    const value = valueOf(contact, name)
    // Of properties the account does not have nothing is said.
    return value === undefined ? [] : [[name, value] as const]
  })
  return {
    id: contact.id,
    properties: Object.fromEntries(properties),
    createdAt: contact.createdAt.toISOString(),
    updatedAt: contact.updatedAt.toISOString(),
    archived: contact.archivedAt !== null,
    ...(contact.archivedAt === null ? {} : { archivedAt: contact.archivedAt.toISOString() }),
  }
}

/** @returns null for an empty one, undefined for one the account does not have */
export function valueOf(contact: Contact, name: string): string | null | undefined {
  switch (name) {
    case 'hs_object_id':
      return contact.id
    case 'createdate':
      return contact.createdAt.toISOString()
    case 'lastmodifieddate':
      return contact.updatedAt.toISOString()
    case 'hs_merged_object_ids':
      return joined(contact.mergedIds)
    case 'hs_additional_emails':
      return joined(contact.additionalEmails)
    case 'associatedcompanyid':
      return contact.properties[name] ?? null
    default:
      return writableProperties.some(writable => writable === name) ? (contact.properties[name] ?? null) : undefined
  }
}

function joined(values: readonly string[]): string | null {
  return values.length === 0 ? null : values.join(';')
}
