import type { GraphContext, SystemDefinition } from '../../contract.ts'
import { valueOrNull } from '../../lenient.ts'
import { VendorError } from '../../vendor-error.ts'
import type { CrmSource } from '../source.ts'
import { limitPools, openClient } from './client.ts'
import { companyReader, openCompanies } from './companies.ts'
import { parseSettings, settings } from './config.ts'
import { connect } from './connect.ts'
import { contactImporter, contactReader } from './contacts.ts'
import { toVendorError } from './faults.ts'
import { contactOf, observedContact, stageOf } from './mapping.ts'
import { openPermissions } from './permissions.ts'
import { project } from './project.ts'
import { openSource, type HubspotKinds } from './source.ts'
import type { Contact } from './records.ts'
import { openStages, stageReader } from './stages.ts'
import { archivedContacts, changedCompanies, changedContacts, stageNames, subscriptions } from './sweep.ts'
import { openUnfinished } from './unfinished.ts'
import { webhook } from './webhook.ts'

/** HubSpot in the role of the CRM: its contacts are the customers of the graph. */
export const hubspot: SystemDefinition<CrmSource> = {
  system: 'hubspot',
  role: 'crm',
  kinds: [
    { kind: 'contact', entity: 'Customer', as: 'owner' },
    { kind: 'company', entity: 'Customer', as: 'mentioned', fields: ['company'], isReadApart: true },
    {
      kind: 'lifecycle_stage',
      entity: 'Customer',
      as: 'mentioned',
      fields: ['lifecycleStageName'],
      isReadApart: true,
    },
  ],
  settings,
  project,

  configure(environment) {
    const parsed = parseSettings(environment)
    if (!parsed.ok) return parsed
    const { clientSecrets, baseUrl, requestsPerTenSeconds } = parsed.settings
    return {
      ok: true,
      open(ports) {
        const calls = ports.calls({
          pools: limitPools(requestsPerTenSeconds),
          toVendorError,
          isTls: baseUrl.startsWith('https:'),
        })
        const client = openClient(parsed.settings, calls)
        const companies = openCompanies(parsed.settings, calls)
        const stages = openStages(parsed.settings, calls, ports.clock)
        const records = ports.records<HubspotKinds>({
          contact: { read: contactReader(client), versionOf: contact => valueOrNull(contact.updatedAt) },
          company: { read: companyReader(companies) },
          lifecycle_stage: { read: stageReader(stages) },
        })
        const unfinished = openUnfinished({ client, clock: ports.clock })
        const source = openSource({ client, companies, stages, records, clock: ports.clock, unfinished })
        return {
          source,
          importers: [contactImporter(client, stages, ports.log)],
          async observe(record, context) {
            if (record.kind !== 'contact') return null
            const contact = await records.load('contact', { id: record.id }, context)
            if (contact === null) return null
            const observed = observedContact(contact, await stageNameOf(contact, context))
            if (contact.id === record.id) return observed
            // An id retired by a merge answers with the winner, which may not list it yet.
            return { ...observed, formerIds: [...new Set([...(observed.formerIds ?? []), record.id])] }
          },
          async nameOf({ kind, id }, context) {
            if (kind === 'company') return records.load('company', { id }, context)
            return kind === 'lifecycle_stage' ? records.load('lifecycle_stage', { id }, context) : null
          },
          async contactOf(id, context) {
            const contact = await records.load('contact', { id }, context)
            return contact === null ? null : contactOf(contact)
          },
          takeBack: unfinished.takeBack,
          webhook,
          webhookSecrets: clientSecrets,
          webhookEndpoints: clientSecrets.length > 0 ? [''] : [],
          sweepers: [
            changedContacts(client, ports.clock),
            archivedContacts(client),
            changedCompanies(companies, ports.clock, ports.log),
            stageNames(stages, ports.log),
          ],
          subscriptions: () => Promise.resolve(subscriptions(clientSecrets.length > 0)),
          connect: connectPorts =>
            connect(client, openPermissions(parsed.settings, calls), stages, clientSecrets.length > 0, connectPorts),
          close: () => Promise.resolve(),
        }

        /** For the index, which can do without. */
        async function stageNameOf(contact: Contact, context: GraphContext): Promise<string | null> {
          const stage = valueOrNull(stageOf(contact))
          if (stage === null) return null
          try {
            return await records.load('lifecycle_stage', { id: stage }, context)
          } catch (error) {
            if (error instanceof VendorError && error.kind !== 'aborted') return null
            throw error
          }
        }
      },
    }
  },
}
