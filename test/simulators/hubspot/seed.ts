import type { Business, Contact as Person } from '../core/business.ts'
import type { Seed } from './state.ts'

/** The business as HubSpot has it: a contact a person, with the ids that were merged into it. */
export function seedFrom(business: Business): Seed {
  return {
    contacts: business.contacts.map(person => ({
      id: person.id,
      properties: propertiesOf(person),
      mergedIds: business.merges.filter(merge => merge.into === person.id).map(merge => merge.from),
      additionalEmails: [],
      createdAt: person.createdAt,
      updatedAt: person.updatedAt,
      archivedAt: null,
    })),
  }
}

function propertiesOf(person: Person): Readonly<Record<string, string>> {
  const { address } = person
  const properties = {
    email: person.email,
    firstname: person.firstName,
    lastname: person.lastName,
    phone: person.phone,
    company: person.company,
    lifecyclestage: person.stage,
    address: address?.street ?? null,
    city: address?.city ?? null,
    state: address?.state ?? null,
    zip: address?.zip ?? null,
    country: address?.country ?? null,
  }
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  )
}
