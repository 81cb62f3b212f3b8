import { seedBusiness } from '../core/business.ts'
import { createFaults } from '../core/faults.ts'
import { slidingWindow } from '../core/limits.ts'
import { serve } from '../core/server.ts'
import { HubspotError, errorBody, notAuthorized, rateLimitBody } from './errors.ts'
import { withExamples } from './examples.ts'
import { companiesPath, contactsPath, hubspotRoutes } from './routes.ts'
import { seedFrom } from './seed.ts'
import { createState } from './state.ts'
import { createWebhooks } from './webhooks.ts'
import type { Business } from '../core/business.ts'
import type { Faults } from '../core/faults.ts'
import type { RequestLog, SimulatorAnswer, SimulatorRequest, SimulatorRoute } from '../core/server.ts'
import type { PropertyPatch } from './properties.ts'
import type { Contact, Seed } from './state.ts'
import type { HubspotWebhooks } from './webhooks.ts'

export interface HubspotOptions {
  /** 0 for any free one. */
  readonly port?: number
  readonly business?: Business
  /** What an earlier one held, instead of a business. */
  readonly seed?: Seed
  /** Adds one of everything that is rare: see `examples.ts`. */
  readonly hasExamples?: boolean
  readonly clock?: () => Date
  /** The private app's token that is let in. */
  readonly accessToken?: string
  /** Lets in whoever brings no token at all. */
  readonly openDoor?: boolean
  /** The app's target URL; without it no webhooks are sent. */
  readonly webhookUrl?: string
  readonly clientSecret?: string
  readonly appId?: number
  readonly portalId?: number
  /** How long events are collected into one webhook request. */
  readonly collectMs?: number
  /** Times the waits between tries of a delivery. */
  readonly retryScale?: number
  /** For how long a new contact is not found by searches; HubSpot takes up to 10 s. */
  readonly searchLagMs?: number
  readonly limits?: Partial<HubspotLimits>
}

/** Source: HubSpot changelog, "Increasing our API limits": private app, Professional and Enterprise. */
export interface HubspotLimits {
  readonly perTenSeconds: number
  readonly searchPerSecond: number
}

export interface HubspotSimulator {
  /** Give it to the SDK as `basePath`. */
  readonly url: string
  readonly port: number
  readonly accessToken: string
  readonly clientSecret: string
  readonly faults: Faults
  readonly requests: RequestLog
  readonly webhooks: HubspotWebhooks
  /** By id, current or merged; undefined when it is archived too. */
  contact(id: string): Contact | undefined
  /** These happen in HubSpot's own pages, and are told by webhook as such. */
  createContact(properties: PropertyPatch): Contact
  updateContact(id: string, properties: PropertyPatch): Contact
  deleteContact(id: string): void
  mergeContacts(winnerId: string, loserId: string): Contact
  /** Sets the addresses beside the first one. */
  setAdditionalEmails(id: string, emails: readonly string[]): Contact
  /** Makes or renames a company, of which no webhook tells. */
  setCompany(id: string, name: string): void
  associate(contactId: string, companyId: string): Contact
  /** Makes or renames a lifecycle stage. */
  setStage(value: string, label: string): void
  /** What it holds; give it to the next one as its seed. */
  snapshot(): Seed
  close(): Promise<void>
}

const searchPaths = [contactsPath, companiesPath].map(path => `${path}/search`)
/** Source: HubSpot changelog, "Increasing our API limits": Professional. */
const perDay = 650_000

/** A stand-in of HubSpot's contacts API and webhooks over a business of its own. */
export async function startHubspot(options: HubspotOptions = {}): Promise<HubspotSimulator> {
  const clock = options.clock ?? (() => new Date())
  const { accessToken = 'hubspot-test-token', clientSecret = 'hubspot-test-secret', openDoor = false } = options
  const { perTenSeconds = 190, searchPerSecond = 5 } = options.limits ?? {}
  const faults = createFaults()
  const { appId = 16_111_050, portalId = 48_807_704, webhookUrl, retryScale, collectMs = 50 } = options
  const webhooks = createWebhooks({
    clock,
    faults,
    clientSecret,
    appId,
    portalId,
    webhookUrl,
    retryScale,
    collectMs,
  })
  const first = () => seedFrom(options.business ?? seedBusiness({ now: clock() }))
  const seed = options.seed ?? (options.hasExamples === true ? withExamples(first()) : first())
  const state = createState(seed, clock, webhooks.tell)
  const rate = slidingWindow({ limit: perTenSeconds, windowMs: 10_000 }, clock)
  const searches = slidingWindow({ limit: searchPerSecond, windowMs: 1000 }, clock)
  let served = 0

  const server = await serve({
    port: options.port,
    faults,
    routes: hubspotRoutes(state, { clock, searchLagMs: options.searchLagMs ?? 0 }).map(withWords),
    answers: {
      notFound: () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: '<html>404 Not Found</html>' }),
      failed: () => broken(500),
      rateLimited: () => ({ status: 429, body: rateLimitBody('TEN_SECONDLY_ROLLING') }),
      broken,
    },
    admit(request) {
      if (!isLetIn(request)) return refusal(notAuthorized())
      const isSearch = searchPaths.includes(request.path)
      const waitMs = (isSearch ? searches : rate).take(accessToken)
      if (waitMs > 0) return { status: 429, body: rateLimitBody(isSearch ? 'SECONDLY' : 'TEN_SECONDLY_ROLLING') }
      served += 1
      return () => undefined
    },
  })

  return {
    url: server.url,
    port: server.port,
    accessToken,
    clientSecret,
    faults,
    requests: server.requests,
    webhooks,
    contact: state.find,
    createContact: properties => state.create(properties, 'CRM_UI'),
    updateContact: (id, properties) => state.update(id, properties, 'CRM_UI'),
    deleteContact: id => state.archive(id, 'CRM_UI'),
    mergeContacts: (winnerId, loserId) => state.merge(winnerId, loserId, 'CRM_UI'),
    setAdditionalEmails: (id, emails) => state.setAdditionalEmails(id, emails, 'CRM_UI'),
    setCompany: state.setCompany,
    associate: state.associate,
    setStage: state.setStage,
    snapshot: () => ({
      contacts: state.all(),
      companies: [...state.companies.values()],
      stages: [...state.stages],
    }),
    async close() {
      webhooks.close()
      await server.close()
    },
  }

  function isLetIn({ headers }: SimulatorRequest): boolean {
    const given = headers['authorization']
    return given === undefined ? openDoor : given === `Bearer ${accessToken}`
  }

  /** Refusals in HubSpot's words, and what is left of the limits; searches do not say the latter. */
  function withWords(route: SimulatorRoute): SimulatorRoute {
    return {
      ...route,
      async handle(request) {
        const answer = await inWords(() => route.handle(request))
        return searchPaths.includes(route.path)
          ? answer
          : { ...answer, headers: { ...answer.headers, ...limitHeaders() } }
      },
    }
  }

  function limitHeaders(): Readonly<Record<string, string>> {
    return {
      'x-hubspot-ratelimit-max': String(perTenSeconds),
      'x-hubspot-ratelimit-remaining': String(rate.remaining(accessToken)),
      'x-hubspot-ratelimit-interval-milliseconds': '10000',
      'x-hubspot-ratelimit-daily': String(perDay),
      'x-hubspot-ratelimit-daily-remaining': String(Math.max(0, perDay - served)),
    }
  }
}

async function inWords(handle: () => SimulatorAnswer | Promise<SimulatorAnswer>): Promise<SimulatorAnswer> {
  try {
    return await handle()
  } catch (error) {
    if (error instanceof HubspotError) return refusal(error)
    throw error
  }
}

function refusal(error: HubspotError): SimulatorAnswer {
  return { status: error.status, body: errorBody(error) }
}

function broken(status: number): SimulatorAnswer {
  return { status, body: errorBody(new HubspotError(status, 'INTERNAL_ERROR', 'internal error')) }
}
