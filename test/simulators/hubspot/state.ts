import { emailTaken, invalid, notFound } from './errors.ts'
import { applyPatch, lifecycleStages, readPatch, withoutStepBack } from './properties.ts'
import type { Properties, PropertyPatch } from './properties.ts'

/** A contact as the account holds it. */
export interface Contact {
  readonly id: string
  readonly properties: Properties
  /** Ids that were merged into it, oldest first. */
  readonly mergedIds: readonly string[]
  /** Further e-mail addresses, those of contacts that were merged into it among them; they find it too. */
  readonly additionalEmails: readonly string[]
  readonly createdAt: Date
  readonly updatedAt: Date
  /** null while it is alive. */
  readonly archivedAt: Date | null
}

/** A company as the account holds it. */
export interface Company {
  readonly id: string
  readonly name: string
  readonly updatedAt: Date
}

export interface Seed {
  readonly contacts: readonly Contact[]
  readonly companies?: readonly Company[]
  /** Names of stages by their value, beside HubSpot's own. */
  readonly stages?: readonly (readonly [string, string])[]
}

/** Who did it: a person in HubSpot's own pages, or an app through the API. */
export type ChangeSource = 'CRM_UI' | 'INTEGRATION'

/** What happened to a contact, for the webhooks. */
export type Happening = { readonly id: string; readonly at: Date; readonly source: ChangeSource } & (
  | { readonly type: 'contact.creation' | 'contact.deletion' | 'contact.privacyDeletion' }
  | { readonly type: 'contact.propertyChange'; readonly property: string; readonly value: string }
  | { readonly type: 'contact.merge'; readonly mergedIds: readonly string[]; readonly propertiesMoved: number }
)

export interface HubspotState {
  /** By id, current or merged, alive only. */
  find(id: string): Contact | undefined
  /** By an e-mail address, main or additional, alive only. */
  findByEmail(email: string): Contact | undefined
  findArchived(id: string): Contact | undefined
  /** In the order of their ids. */
  all(which?: 'alive' | 'archived'): readonly Contact[]
  /** @throws HubspotError 400 for values that cannot be, 409 when a contact has the e-mail */
  create(patch: PropertyPatch, source: ChangeSource): Contact
  /** Leaves the contact as it is when no value is another one. @throws HubspotError 404, 400, 409 */
  update(id: string, patch: PropertyPatch, source: ChangeSource): Contact
  /** In HubSpot's own pages: the contact is associated with the company first of all. */
  associate(id: string, companyId: string): Contact
  readonly companies: ReadonlyMap<string, Company>
  setCompany(id: string, name: string): void
  readonly stages: ReadonlyMap<string, string>
  /** Names a stage: one of HubSpot's, or of the account's own, which has a number. */
  setStage(value: string, label: string): void
  /** Nothing happens when there is no such contact (any more). */
  archive(id: string, source: ChangeSource): void
  /** For good, with all that was known of it. */
  erase(id: string, source: ChangeSource): void
  /** The winner keeps what it has and takes from the loser what it lacks. @throws HubspotError 404, 400 */
  merge(winnerId: string, loserId: string, source: ChangeSource): Contact
  /** In HubSpot's pages alone: the property is read-only for apps. @throws HubspotError 404, 409 */
  setAdditionalEmails(id: string, emails: readonly string[], source: ChangeSource): Contact
}

/** @param tell is called for everything that happens, in order */
export function createState(
  seed: Seed,
  clock: () => Date,
  tell: (happening: Happening) => void = () => undefined,
): HubspotState {
  // New ids are greater than all before, so that insertion order is the order of ids.
  const contacts = new Map(seed.contacts.map(contact => [contact.id, contact]))
  const archived = new Map<string, Contact>()
  const winners = new Map(seed.contacts.flatMap(({ id, mergedIds }) => mergedIds.map(merged => [merged, id] as const)))
  const byEmail = new Map<string, string>()
  for (const contact of seed.contacts) indexEmails(contact)
  const companies = new Map((seed.companies ?? []).map(company => [company.id, company]))
  const stages = new Map(lifecycleStages.map(value => [value, value.charAt(0).toUpperCase() + value.slice(1)]))
  for (const [value, label] of seed.stages ?? []) stages.set(value, label)
  let lastId = Math.max(100, ...[...contacts.keys(), ...winners.keys()].map(Number))

  return {
    find,
    findByEmail,
    findArchived: id => archived.get(id),
    all,
    create,
    update,
    associate,
    companies,
    setCompany: (id, name) => void companies.set(id, { id, name, updatedAt: clock() }),
    stages,
    setStage: (value, label) => void stages.set(value, label),
    archive,
    erase,
    merge,
    setAdditionalEmails,
  }

  function associate(id: string, companyId: string): Contact {
    const before = alive(id)
    const properties = { ...before.properties, associatedcompanyid: companyId }
    const contact = { ...before, properties, updatedAt: clock() }
    keep(contact)
    tellChanges(contact, ['associatedcompanyid'], 'CRM_UI')
    return contact
  }

  function find(id: string): Contact | undefined {
    return contacts.get(winners.get(id) ?? id)
  }

  function findByEmail(email: string): Contact | undefined {
    return contacts.get(byEmail.get(email.trim().toLowerCase()) ?? '')
  }

  function all(which: 'alive' | 'archived' = 'alive'): readonly Contact[] {
    return [...(which === 'alive' ? contacts : archived).values()]
  }

  function create(given: PropertyPatch, source: ChangeSource): Contact {
    const { after, changed } = applyPatch({}, readPatch(given))
    refuseTaken(after['email'], null)
    lastId += 1
    const at = clock()
    const contact: Contact = {
      id: String(lastId),
      // As HubSpot does where the account's default is not another one.
      properties: { lifecyclestage: 'lead', ...after },
      mergedIds: [],
      additionalEmails: [],
      createdAt: at,
      updatedAt: at,
      archivedAt: null,
    }
    keep(contact)
    tell({ type: 'contact.creation', id: contact.id, at, source })
    tellChanges(contact, changed, source)
    return contact
  }

  function update(id: string, given: PropertyPatch, source: ChangeSource): Contact {
    const before = alive(id)
    const { after, changed } = applyPatch(before.properties, withoutStepBack(before.properties, readPatch(given)))
    if (changed.length === 0) return before
    refuseTaken(after['email'], before.id)
    // A further address that becomes the first one changes places with it.
    const additional = before.additionalEmails.filter(email => email !== after['email'])
    const isSwapped = additional.length < before.additionalEmails.length
    const former = isSwapped && before.properties['email'] !== undefined ? [before.properties['email']] : []
    const contact = { ...before, properties: after, additionalEmails: [...additional, ...former], updatedAt: clock() }
    forgetEmails(before)
    keep(contact)
    tellChanges(contact, [...changed, ...(isSwapped ? ['hs_additional_emails'] : [])], source)
    return contact
  }

  function setAdditionalEmails(id: string, emails: readonly string[], source: ChangeSource): Contact {
    const before = alive(id)
    for (const email of emails) refuseTaken(email, before.id)
    const contact = { ...before, additionalEmails: emails.map(email => email.toLowerCase()), updatedAt: clock() }
    forgetEmails(before)
    keep(contact)
    tellChanges(contact, ['hs_additional_emails'], source)
    return contact
  }

  function archive(id: string, source: ChangeSource): void {
    const before = find(id)
    if (before === undefined) return
    const at = clock()
    contacts.delete(before.id)
    forgetEmails(before)
    archived.set(before.id, { ...before, updatedAt: at, archivedAt: at })
    tell({ type: 'contact.deletion', id: before.id, at, source })
  }

  function erase(id: string, source: ChangeSource): void {
    const before = find(id) ?? archived.get(id)
    if (before === undefined) return
    contacts.delete(before.id)
    archived.delete(before.id)
    forgetEmails(before)
    for (const merged of before.mergedIds) winners.delete(merged)
    tell({ type: 'contact.privacyDeletion', id: before.id, at: clock(), source })
  }

  function merge(winnerId: string, loserId: string, source: ChangeSource): Contact {
    const winner = alive(winnerId)
    const loser = alive(loserId)
    if (winner.id === loser.id) throw invalid('Cannot merge an object with itself')
    const lacking = Object.entries(loser.properties).filter(([name]) => winner.properties[name] === undefined)
    const emails = [...winner.additionalEmails, ...loser.additionalEmails]
    const loserEmail = loser.properties['email']
    if (winner.properties['email'] !== undefined && loserEmail !== undefined) emails.push(loserEmail)
    const mergedIds = [...winner.mergedIds, ...loser.mergedIds, loser.id]
    const at = clock()
    const contact: Contact = {
      ...winner,
      properties: { ...winner.properties, ...Object.fromEntries(lacking) },
      mergedIds,
      additionalEmails: emails,
      updatedAt: at,
    }
    contacts.delete(loser.id)
    forgetEmails(loser)
    for (const merged of mergedIds) winners.set(merged, winner.id)
    keep(contact)
    const propertiesMoved = lacking.length
    tell({ type: 'contact.merge', id: winner.id, mergedIds: [loser.id], propertiesMoved, at, source })
    const moved = lacking.map(([name]) => name)
    tellChanges(contact, [...moved, ...(emails.length > 0 ? ['hs_additional_emails'] : [])], source)
    return contact
  }

  function alive(id: string): Contact {
    const found = find(id)
    if (found === undefined) throw notFound(id)
    return found
  }

  function keep(contact: Contact): void {
    contacts.set(contact.id, contact)
    indexEmails(contact)
  }

  function tellChanges(contact: Contact, names: readonly string[], source: ChangeSource): void {
    const { id, properties, additionalEmails, updatedAt } = contact
    for (const property of names) {
      const value = property === 'hs_additional_emails' ? additionalEmails.join(';') : (properties[property] ?? '')
      tell({ type: 'contact.propertyChange', id, property, value, at: updatedAt, source })
    }
  }

  function refuseTaken(email: string | undefined, ownId: string | null): void {
    const holder = email === undefined ? undefined : findByEmail(email)
    if (holder !== undefined && holder.id !== ownId) throw emailTaken(holder.id)
  }

  function indexEmails(contact: Contact): void {
    for (const email of emailsOf(contact)) byEmail.set(email, contact.id)
  }

  function forgetEmails(contact: Contact): void {
    for (const email of emailsOf(contact)) if (byEmail.get(email) === contact.id) byEmail.delete(email)
  }
}

function emailsOf({ properties, additionalEmails }: Contact): readonly string[] {
  const email = properties['email']
  return email === undefined ? additionalEmails : [email, ...additionalEmails]
}
