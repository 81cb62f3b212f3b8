import { z } from 'zod'
import type { ConnectProject, ProjectDefinition } from '../../contract.ts'
import { scopes } from './config.ts'
import { subscriptions } from './subscriptions.ts'

/**
 * The folder that HubSpot's CLI uploads: an app with static auth and its webhooks. Names end in `-hsmeta.json`.
 * Source: HubSpot developer documentation, app configuration and configure webhooks; @hubspot/project-parsing-lib 0.23.0.
 */
const projectPath = 'hsproject.json'
const appPath = 'src/app/app-hsmeta.json'
const webhooksPath = 'src/app/webhooks/webhooks-hsmeta.json'

/** Never changed: to HubSpot another uid is another component, and so a second app. */
const appUid = 'livegraph_app'
const webhooksUid = 'livegraph_webhooks'

const platformVersion = '2026.03'

/** All templates of HubSpot have it. */
const requiredScopes = ['oauth', ...scopes]

const appFile = z.looseObject({
  uid: z.literal(appUid),
  config: z.looseObject({ auth: z.looseObject({ requiredScopes: z.array(z.string()) }) }),
})

/** An entry of whatever shape: those that a person added stay. */
const entry = z.looseObject({
  subscriptionType: z.string(),
  objectType: z.string().optional(),
  propertyName: z.string().optional(),
})

type Entry = z.infer<typeof entry>

const webhooksFile = z.looseObject({
  uid: z.literal(webhooksUid),
  config: z.looseObject({
    settings: z.looseObject({ targetUrl: z.string() }),
    subscriptions: z.looseObject({
      crmObjects: z.array(entry).default([]),
      hubEvents: z.array(entry).default([]),
    }),
  }),
})

/** HubSpot's CLI leaves out each file below such a folder, whatever stands above the project. */
export const project: ProjectDefinition = {
  paths: [projectPath, appPath, webhooksPath],
  isIgnoredFolder: name => name.startsWith('.') || name === 'node_modules',

  /** What a person changed in an earlier one stays: scopes and subscriptions are added, and the address is set. */
  write(publicUrl, existing): ConnectProject | { readonly fault: string } {
    const targetUrl = `${publicUrl}/webhooks/hubspot`
    const app = readFile(appFile, existing.get(appPath), newApp())
    const webhooks = readFile(webhooksFile, existing.get(webhooksPath), newWebhooks(targetUrl))
    if (app === null) return { fault: faultOf(appPath, appUid) }
    if (webhooks === null) return { fault: faultOf(webhooksPath, webhooksUid) }
    const { auth } = app.config
    const missingScopes = requiredScopes.filter(scope => !auth.requiredScopes.includes(scope))
    const { config } = webhooks
    const crmObjects = withMissing(config.subscriptions.crmObjects, ours)
    const hubEvents = withMissing(config.subscriptions.hubEvents, [privacyDeletion])
    const files = new Map([
      [projectPath, existing.get(projectPath) ?? json({ name: 'livegraph', srcDir: 'src', platformVersion })],
      [
        appPath,
        json({
          ...app,
          config: {
            ...app.config,
            auth: { ...auth, requiredScopes: [...auth.requiredScopes, ...missingScopes] },
          },
        }),
      ],
      [
        webhooksPath,
        json({
          ...webhooks,
          config: {
            ...config,
            settings: { ...config.settings, targetUrl },
            subscriptions: { ...config.subscriptions, crmObjects, hubEvents },
          },
        }),
      ],
    ])
    const wasInstalled = existing.has(appPath) && missingScopes.length > 0
    return {
      files,
      steps: folder => [
        'Install the CLI and let it into the account: npm install -g @hubspot/cli, then hs account auth. It asks for a personal access key in the browser; that key is for the CLI only.',
        `In ${folder}: hs project validate --account=<account id>, then hs project upload --account=<account id>. Name the account each time: in another one a second app appears.`,
        wasInstalled
          ? `The app has new scopes (${missingScopes.join(', ')}): install it again, or they are not granted: hs project install-app, or in HubSpot under Development > Projects > the app > Distribution.`
          : 'Install the app: hs project install-app, or in HubSpot under Development > Projects > the app > Distribution > Install now. Right after the first upload it may answer 404 for a minute: try again.',
        'Copy the access token from the Distribution tab to HUBSPOT_ACCESS_TOKEN (it is there once the app is installed), and the client secret from the Auth tab to HUBSPOT_CLIENT_SECRET. Both need a super admin or a developer seat.',
        'Start the gateway, then npm run connect -- hubspot: it tries the token and waits for the first webhook. HubSpot takes up to 5 minutes until a new address is in use.',
      ],
    }
  },
}

const ours: readonly Entry[] = subscriptions.map(({ object, happening, property }) => ({
  subscriptionType: `object.${happening}`,
  objectType: object,
  ...(property === undefined ? {} : { propertyName: property }),
  active: true,
}))

/** Not to be had among the objects. */
const privacyDeletion: Entry = { subscriptionType: 'contact.privacyDeletion', active: true }

function newApp(): z.infer<typeof appFile> {
  return {
    uid: appUid,
    type: 'app',
    config: {
      name: 'livegraph',
      description: 'Reads and writes contacts for the graph of this company.',
      distribution: 'private',
      auth: { type: 'static', requiredScopes: [], optionalScopes: [], conditionallyRequiredScopes: [] },
      permittedUrls: { fetch: ['https://api.hubapi.com'], iframe: [], img: [] },
    },
  }
}

function newWebhooks(targetUrl: string): z.infer<typeof webhooksFile> {
  return {
    uid: webhooksUid,
    type: 'webhooks',
    config: {
      settings: { targetUrl, maxConcurrentRequests: 10 },
      subscriptions: { crmObjects: [], legacyCrmObjects: [], hubEvents: [] },
    },
  }
}

/** @returns null for a file that is there and is not ours, or cannot be read */
function readFile<T>(schema: z.ZodType<T>, text: string | undefined, otherwise: T): T | null {
  if (text === undefined) return otherwise
  try {
    return schema.safeParse(JSON.parse(text)).data ?? null
  } catch {
    return null
  }
}

function withMissing(there: readonly Entry[], needed: readonly Entry[]): readonly Entry[] {
  const keyOf = ({ subscriptionType, objectType, propertyName }: Entry): string =>
    [subscriptionType, objectType, propertyName].join(' ')
  const known = new Set(there.map(keyOf))
  return [...there, ...needed.filter(one => !known.has(keyOf(one)))]
}

function faultOf(path: string, uid: string): string {
  return `${path} is there and is not one that this command wrote: expected JSON with the uid ${uid}. Name an empty folder, or mend that file.`
}

function json(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
