import type { ConnectPorts, ConnectReport } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { HubspotClient } from './client.ts'

/** What the app must be subscribed to. `contact.propertyChange` is subscribed to property by property. */
const subscriptions = [
  'contact.creation',
  'contact.deletion',
  'contact.privacyDeletion',
  'contact.merge',
  'contact.restore',
]

const properties = [
  'firstname',
  'lastname',
  'email',
  'phone',
  'address',
  'city',
  'state',
  'zip',
  'country',
  'company',
  'lifecyclestage',
]

/**
 * Checks that the token reads contacts. The webhooks of a private app can be set up in HubSpot's pages only: its API for
 * them takes the key of a public app's developer.
 */
export async function connect(client: HubspotClient, ports: ConnectPorts): Promise<ConnectReport> {
  const manual = [
    'In HubSpot open Settings > Integrations > Private Apps, choose the app, and edit it.',
    'Under Scopes allow crm.objects.contacts.read and crm.objects.contacts.write.',
    `Under Webhooks set the target URL to ${ports.publicUrl}/webhooks/hubspot, without a query.`,
    `Subscribe to ${subscriptions.join(', ')}.`,
    `Subscribe to contact.propertyChange of ${properties.join(', ')}.`,
    'Activate the subscriptions and save.',
  ]
  try {
    await client.list(null, 1, ports.call)
    return { done: ['The access token is accepted and reads contacts.'], missing: [], manual }
  } catch (error) {
    if (!(error instanceof VendorError)) throw error
    return { done: [], missing: [`Reading contacts with the access token (${error.message}).`], manual }
  }
}
