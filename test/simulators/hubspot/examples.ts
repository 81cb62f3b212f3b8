import type { Company, Contact, Seed } from './state.ts'

/** A stage of the account's own: HubSpot names them by numbers. */
const ownStage = { value: '48213377', label: 'Trial visit' }

/**
 * The same account with one of everything that is rare: a company by association alone, a mobile number alone, a stage of the account's
 * own, further e-mail addresses. Those who have them are the last contacts, so that the first ones stay what they were.
 */
export function withExamples(seed: Seed): Seed {
  const [first, second, third] = seed.contacts.toReversed().filter(({ mergedIds }) => mergedIds.length === 0)
  const company: Company = {
    id: '9001',
    name: 'Example Property Management',
    updatedAt: first?.updatedAt ?? new Date(0),
  }
  const changed = new Map<string | undefined, (contact: Contact) => Contact>([
    [first?.id, contact => withProperties(contact, { company: null, associatedcompanyid: company.id })],
    [second?.id, contact => withProperties(contact, { phone: null, mobilephone: '+15550177' })],
    [
      third?.id,
      contact => ({
        ...withProperties(contact, { lifecyclestage: ownStage.value }),
        additionalEmails: [`second.address.${contact.id}@example.net`],
      }),
    ],
  ])
  return {
    contacts: seed.contacts.map(contact => changed.get(contact.id)?.(contact) ?? contact),
    companies: [...(seed.companies ?? []), company],
    stages: [...(seed.stages ?? []), [ownStage.value, ownStage.label]],
  }
}

function withProperties(contact: Contact, patch: Readonly<Record<string, string | null>>): Contact {
  const properties = Object.entries({ ...contact.properties, ...patch }).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  )
  return { ...contact, properties: Object.fromEntries(properties) }
}
