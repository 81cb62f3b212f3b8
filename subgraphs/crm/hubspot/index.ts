import type { SystemDefinition } from '../../contract.ts'
import type { CrmSource } from '../source.ts'
import { limitPools, openClient } from './client.ts'
import { parseSettings, settings } from './config.ts'
import { connect } from './connect.ts'
import { contactImporter, contactReader } from './contacts.ts'
import { toVendorError } from './faults.ts'
import { observedContact } from './mapping.ts'
import { openPermissions } from './permissions.ts'
import { project } from './project.ts'
import { openSource, type HubspotKinds } from './source.ts'
import { archivedContacts, changedContacts, subscriptions } from './sweep.ts'
import { openUnfinished } from './unfinished.ts'
import { webhook } from './webhook.ts'

/** HubSpot in the role of the CRM: its contacts are the customers of the graph. */
export const hubspot: SystemDefinition<CrmSource> = {
  system: 'hubspot',
  role: 'crm',
  kinds: [{ kind: 'contact', entity: 'Customer', as: 'owner' }],
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
        const records = ports.records<HubspotKinds>({
          contact: { read: contactReader(client), versionOf: contact => contact.updatedAt },
        })
        const unfinished = openUnfinished({ client, clock: ports.clock })
        return {
          source: openSource(client, records, ports.clock, unfinished),
          importers: [contactImporter(client, ports.log)],
          async observe(record, context) {
            if (record.kind !== 'contact') return null
            const contact = await records.load('contact', { id: record.id }, context)
            if (contact === null) return null
            const observed = observedContact(contact)
            if (contact.id === record.id) return observed
            // An id retired by a merge answers with the winner, which may not list it yet.
            return { ...observed, formerIds: [...new Set([...(observed.formerIds ?? []), record.id])] }
          },
          takeBack: unfinished.takeBack,
          webhook,
          webhookSecrets: clientSecrets,
          webhookEndpoints: clientSecrets.length > 0 ? [''] : [],
          sweepers: [changedContacts(client, ports.clock), archivedContacts(client)],
          subscriptions: () => Promise.resolve(subscriptions(clientSecrets.length > 0)),
          connect: connectPorts =>
            connect(client, openPermissions(parsed.settings, calls), clientSecrets.length > 0, connectPorts),
          close: () => Promise.resolve(),
        }
      },
    }
  },
}
