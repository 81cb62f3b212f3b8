import type { AwaitedWebhook, CallContext, ConnectPorts, ConnectReport } from '../../contract.ts'
import { VendorError } from '../../vendor-error.ts'
import type { HubspotClient } from './client.ts'
import type { Permissions } from './permissions.ts'
import type { Stages } from './stages.ts'
import { subscriptions } from './subscriptions.ts'

const writeProject = 'npm run connect -- hubspot --out <folder> writes the project of an app that has all of it'

/**
 * Tries what the token is used for, and names each scope that is missing. No API registers the webhooks of a project app or a
 * legacy private app, and none tells whether the client secret is right: only a genuine webhook does.
 * @param hasSecret whether HUBSPOT_CLIENT_SECRET is set; a service key has none
 */
export async function connect(
  client: Pick<HubspotClient, 'list'>,
  permissions: Permissions,
  stages: Pick<Stages, 'list'>,
  hasSecret: boolean,
  { publicUrl, call }: ConnectPorts,
): Promise<ConnectReport> {
  const done: string[] = []
  const missing: string[] = []
  const uses: readonly (readonly [string, string, (call: CallContext) => Promise<unknown>])[] = [
    ['crm.objects.contacts.read', 'read contacts', context => client.list(null, 1, context)],
    ['crm.objects.contacts.write', 'write contacts', permissions.tryWriting],
    ['crm.objects.companies.read', "read companies, for a contact's company", permissions.tryCompanies],
    ['crm.schemas.contacts.read', 'read what the lifecycle stages are called', context => stages.list(context)],
  ]
  const lacking = new Set<string>()
  for (const [scope, use, attempt] of uses) {
    try {
      await attempt(call)
      done.push(`The access token may ${use}.`)
    } catch (error) {
      if (!(error instanceof VendorError)) throw error
      // It refuses what was sent, and so has let the token in.
      if (error.kind === 'rejected' || error.kind === 'not-found') {
        done.push(`The access token may ${use}.`)
        continue
      }
      if (error.lacks !== null) {
        // HubSpot's list may be of scopes of which one is enough, or of old names: `contacts`. Its words stand in the reason.
        lacking.add(scope)
        missing.push(`The access token may not ${use} (${error.reason}).`)
        continue
      }
      missing.push(
        error.kind === 'unauthorized'
          ? `HubSpot does not accept the access token in HUBSPOT_ACCESS_TOKEN (${error.reason}): copy it again from the app's Distribution tab; ${writeProject}.`
          : `Could not try to ${use}: ${error.reason}${error.isPassing ? '; try again later' : ''}.`,
      )
      break
    }
  }
  const manual =
    lacking.size === 0
      ? []
      : [
          `Give the app the scopes ${[...lacking].join(', ')}: in a project app among requiredScopes (${writeProject}), in a legacy app or a service key in HubSpot's pages.`,
          'Upload a project app again and install it again: an upload alone grants nothing. The token stays the same.',
        ]
  if (!hasSecret) {
    return {
      done,
      missing,
      manual,
      notes: [
        'HUBSPOT_CLIENT_SECRET is not set: nothing is pushed. What changed is found every SWEEP_EVERY_SECONDS. A service key has no client secret; an app has one, on its Auth tab.',
      ],
    }
  }
  return { done, missing, manual, awaited: awaitedOf(publicUrl) }
}

function awaitedOf(publicUrl: string): AwaitedWebhook {
  const target = `${publicUrl}/webhooks/hubspot`
  const ofContacts = subscriptions.filter(({ object }) => object === 'contact')
  const happenings = ofContacts.flatMap(({ happening, property }) =>
    property === undefined ? [`contact.${happening}`] : [],
  )
  const properties = ofContacts.flatMap(({ property }) => property ?? [])
  return {
    endpoint: '',
    cause: 'change the first name of any contact in HubSpot',
    proves: 'it is signed with HUBSPOT_CLIENT_SECRET',
    whenRefused: `The signature covers the address: HUBSPOT_CLIENT_SECRET must be the client secret of the app that sends it (its Auth tab), and ${target} the very address the app has.`,
    whenNone: [
      `A project app: npm run connect -- hubspot --out <folder> writes the address and the subscriptions; upload it with hs project upload, and install the app. A new address is in use after 5 minutes.`,
      `A legacy app (Development > Legacy apps > the app > Webhooks): set the target URL to ${target}, without a query, and subscribe to ${[...happenings, 'contact.privacyDeletion'].join(', ')}, and to contact.propertyChange of ${properties.join(', ')}; activate the subscriptions.`,
      `Whether ${target} is reached from outside: what stands before this gateway must let POST through to /webhooks/.`,
    ],
  }
}
