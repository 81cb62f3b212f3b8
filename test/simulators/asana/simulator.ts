import { seedBusiness } from '../core/business.ts'
import { createFaults } from '../core/faults.ts'
import { concurrencyGate, slidingWindow } from '../core/limits.ts'
import { routeFinder, serve } from '../core/server.ts'
import { runBatch } from './batch.ts'
import { createDeliveries } from './deliveries.ts'
import { AsanaError, errorBody, notAuthorized, rateLimited } from './errors.ts'
import { createHooks } from './hooks.ts'
import { asanaRoutes, readData } from './routes.ts'
import { jobsProject, seedFrom } from './seed.ts'
import { signBody } from './sign.ts'
import { createState } from './state.ts'
import type { Business } from '../core/business.ts'
import type { Sent } from '../core/deliver.ts'
import type { Faults } from '../core/faults.ts'
import type { RequestLog, SimulatorAnswer, SimulatorRequest } from '../core/server.ts'
import type { AsanaAnswer, AsanaRequest } from './routes.ts'
import type { Hook } from './hooks.ts'
import type { Membership, Task } from './records.ts'
import type { Seed, TaskPatch } from './state.ts'

export interface AsanaOptions {
  /** 0 for any free one. */
  readonly port?: number
  readonly business?: Business
  /** What an earlier one held, instead of a business. */
  readonly seed?: Seed
  readonly clock?: () => Date
  /**
   * Of the person whose token it is: in it an instant has its day. UTC when absent.
   * Source: Asana API reference, tasks: `due_on` is the localized date.
   */
  readonly zone?: string
  /** The personal access token that is let in. */
  readonly accessToken?: string
  /** Lets in whoever brings no token at all. */
  readonly openDoor?: boolean
  /** Where deliveries of a planted webhook go: `<webhookUrl>/<project>`. */
  readonly webhookUrl?: string
  /** With `webhookUrl`: a webhook on the project is active from the start, with this secret and without a handshake. */
  readonly plantSecret?: string
  /** Times the waits between tries of a delivery. */
  readonly retryScale?: number
  readonly limits?: Partial<AsanaLimits>
}

/** Source: Asana developer documentation, rate limits (paid plan). */
export interface AsanaLimits {
  readonly perMinute: number
  readonly concurrentReads: number
  readonly concurrentWrites: number
}

export interface AsanaSimulator {
  readonly url: string
  readonly port: number
  /** Give it to the SDK. */
  readonly basePath: string
  readonly accessToken: string
  readonly faults: Faults
  readonly requests: RequestLog
  readonly webhooks: AsanaWebhooks
  task(gid: string): Task | undefined
  createTask(patch: TaskPatch & { readonly name: string; readonly section?: string }): Task
  updateTask(gid: string, patch: TaskPatch): Task
  /** @param section its gid or its name */
  moveTask(gid: string, section: string): Task
  /** Takes it out of a project, so that it is no job any more. */
  leaveProject(gid: string, project?: string): Task
  deleteTask(gid: string): void
  /** @param section gid or name */
  renameSection(section: string, name: string): void
  renameUser(gid: string, name: string): void
  deleteProject(project?: string): void
  /** What it holds; give it to the next one as its seed. */
  snapshot(): Seed
  close(): Promise<void>
}

export interface AsanaWebhooks {
  readonly all: readonly Hook[]
  readonly sent: readonly Sent[]
  /** Resolves when nothing is pending or scheduled any more. */
  idle(): Promise<void>
  pause(): void
  resume(): void
  /** Heartbeats now, through all webhooks or those whose last was 8 hours ago by the clock. */
  heartbeat(which?: 'due' | 'all'): void
  /** What a delivery looks like, for whoever posts it himself. Signed for the webhook given, or for the first. */
  signed(
    body: string | object,
    hook?: Hook,
  ): { readonly headers: Readonly<Record<string, string>>; readonly body: string }
}

const apiPath = '/api/1.0'

/** A stand-in of Asana's HTTP API and webhooks over a business of its own. */
export async function startAsana(options: AsanaOptions = {}): Promise<AsanaSimulator> {
  const clock = options.clock ?? (() => new Date())
  const { accessToken = 'asana-test-token', openDoor = false, retryScale, zone = 'UTC' } = options
  const { perMinute = 1500, concurrentReads = 50, concurrentWrites = 15 } = options.limits ?? {}
  const state = createState(
    options.seed ?? seedFrom(options.business ?? seedBusiness({ now: clock() }), zone),
    clock,
    zone,
  )
  const faults = createFaults()
  const deliveries = createDeliveries({ clock, faults, retryScale, giveUp: hook => hooks.remove(hook.gid) })
  const hooks = createHooks(state, deliveries, clock)
  const rate = slidingWindow({ limit: perMinute, windowMs: 60_000, countsRefused: true }, clock)
  const reads = concurrencyGate(concurrentReads)
  const writes = concurrencyGate(concurrentWrites)
  const me = [...state.users.keys()][0] ?? '301'

  const routes = asanaRoutes(state, hooks, clock)
  const findRoute = routeFinder(routes)

  const served = await serve({
    port: options.port,
    faults,
    routes: [
      ...routes.map(route => ({
        method: route.method,
        path: `${apiPath}${route.path}`,
        handle: (request: SimulatorRequest) => inWords(() => route.handle(read(request))),
      })),
      { method: 'POST', path: `${apiPath}/batch`, handle: request => inWords(() => batch(read(request))) },
    ],
    answers: {
      notFound: () => ({ status: 404, body: errorBody('No matching route for request') }),
      failed: () => broken(500),
      rateLimited: () => refusal(rateLimited(1)),
      broken,
    },
    admit(request) {
      try {
        authenticate(request)
        // A batch is counted by its actions.
        return request.path === `${apiPath}/batch` ? () => undefined : admit([request.method])
      } catch (error) {
        return refusal(error)
      }
    },
  })

  if (options.plantSecret !== undefined) {
    if (options.webhookUrl === undefined) throw new Error('plantSecret needs webhookUrl: where do its deliveries go?')
    for (const project of state.projects.keys()) {
      hooks.plant(project, `${options.webhookUrl}/${project}`, options.plantSecret)
    }
  }
  const beating = setInterval(() => hooks.heartbeat('due'), 60_000)
  beating.unref()

  return {
    url: served.url,
    port: served.port,
    basePath: `${served.url}${apiPath}`,
    accessToken,
    faults,
    requests: served.requests,
    webhooks: {
      get all() {
        return hooks.all()
      },
      sent: deliveries.deliverer.sent,
      async idle() {
        // What is about to be handed over is handed over first.
        await new Promise(resolve => setImmediate(resolve))
        hooks.flush()
        await deliveries.deliverer.idle()
      },
      pause: deliveries.deliverer.pause,
      resume: deliveries.deliverer.resume,
      heartbeat: (which = 'all') => hooks.heartbeat(which),
      signed(body, hook = hooks.all()[0]) {
        if (hook === undefined) throw new Error('there is no webhook to sign for: register or plant one')
        const text = typeof body === 'string' ? body : JSON.stringify(body)
        const headers = { 'content-type': 'application/json', 'x-hook-signature': signBody(hook.secret, text) }
        return { headers, body: text }
      },
    },
    task: gid => state.findTask(gid),
    createTask({ section, ...patch }) {
      const project = state.project(jobsProject)
      const membership: Membership = {
        projectGid: project.gid,
        sectionGid: sectionGid(section ?? project.sections[0]?.gid ?? ''),
      }
      return state.createTask(patch, [membership], me)
    },
    updateTask: (gid, patch) => state.updateTask(gid, patch, me),
    moveTask: (gid, section) => state.moveTask(gid, sectionGid(section), me),
    leaveProject: (gid, project = jobsProject) => state.leaveProject(gid, project, me),
    deleteTask: gid => state.deleteTask(gid, me),
    renameSection: (section, name) => state.renameSection(sectionGid(section), name, me),
    renameUser: (gid, name) => state.renameUser(gid, name),
    deleteProject: (project = jobsProject) => state.deleteProject(project, me),
    snapshot: () => ({
      projects: [...state.projects.values()],
      users: [...state.users.values()],
      tasks: [...state.tasks(0)],
    }),
    async close() {
      clearInterval(beating)
      hooks.close()
      deliveries.deliverer.close()
      await served.close()
    },
  }

  function authenticate(request: SimulatorRequest): void {
    const given = request.headers['authorization']
    if (given === undefined && openDoor) return
    if (given !== `Bearer ${accessToken}`) throw notAuthorized()
  }

  /** @throws AsanaError 429; then none of the requests was let in, though all of them count */
  function admit(methods: readonly string[]): () => void {
    const waitMs = rate.take(accessToken, methods.length)
    if (waitMs > 0) throw rateLimited(Math.ceil(waitMs / 1000))
    const readers = methods.filter(method => method === 'GET').length
    const leaveReads = reads.enter(accessToken, readers)
    const leaveWrites = leaveReads === null ? null : writes.enter(accessToken, methods.length - readers)
    if (leaveReads !== null && leaveWrites !== null) {
      return () => {
        leaveReads()
        leaveWrites()
      }
    }
    leaveReads?.()
    throw rateLimited(1)
  }

  function read(request: SimulatorRequest): AsanaRequest {
    const { method, params, query } = request
    const path = request.path.slice(apiPath.length)
    const data = method === 'GET' ? {} : readData(request.headers['content-type'] ?? '', request.body)
    return { method, path, params, query, data, me }
  }

  function batch({ data }: AsanaRequest): Promise<AsanaAnswer> {
    return runBatch(data, me, { admit, run })
  }

  function run(request: Omit<AsanaRequest, 'params'>): Promise<AsanaAnswer> | null {
    const found = findRoute(request.method, request.path)
    if (found === null) return null
    served.requests.note(`batch ${request.method} ${found.route.path}`)
    return Promise.resolve(found.route.handle({ ...request, params: found.params }))
  }

  function sectionGid(section: string): string {
    const named = [...state.projects.values()].flatMap(project => project.sections).find(({ name }) => name === section)
    return named?.gid ?? section
  }
}

async function inWords(handle: () => AsanaAnswer | Promise<AsanaAnswer>): Promise<SimulatorAnswer> {
  try {
    return await handle()
  } catch (error) {
    return refusal(error)
  }
}

function refusal(error: unknown): SimulatorAnswer {
  if (!(error instanceof AsanaError)) throw error
  return { status: error.status, headers: error.headers, body: errorBody(error.message, error.beside) }
}

function broken(status: number): SimulatorAnswer {
  return { status, body: { errors: [{ message: 'Server Error', phrase: '6 sad squid snuggle softly' }] } }
}
