import { randomBytes } from 'node:crypto'
import { AsanaError, badRequest } from './errors.ts'
import { filterView, passes, readFilters } from './hook-filter.ts'
import { text } from './input.ts'
import { unknown } from './state.ts'
import { hookEventView, time, type View } from './views.ts'
import type { HookFilter } from './hook-filter.ts'
import type { Input } from './input.ts'
import type { Happening } from './records.ts'
import type { AsanaState } from './state.ts'

/** A registered webhook. */
export interface Hook {
  readonly gid: string
  readonly resourceGid: string
  readonly target: string
  readonly secret: string
  readonly filters: readonly HookFilter[]
  readonly createdAt: Date
}

export interface Hooks {
  /**
   * Shakes hands with the target while the caller waits, then registers the webhook.
   * @throws AsanaError when the resource is unknown, or the target does not echo the secret
   */
  create(input: Input): Promise<{ readonly view: View; readonly secret: string }>
  /** Registers a webhook whose secret both sides know already; no handshake. */
  plant(resourceGid: string, target: string, secret: string): Hook
  list(resourceGid: string | null): readonly View[]
  get(gid: string): View
  remove(gid: string): void
  all(): readonly Hook[]
  /** Sends an empty delivery through each webhook whose last was 8 hours ago by the clock, or through all. */
  heartbeat(which: 'due' | 'all'): void
  /** Hands over what is waiting to be put into a delivery. */
  flush(): void
  close(): void
}

/** What became of a webhook's deliveries. */
export interface HookHealth {
  readonly lastSuccessAt: Date | null
  readonly lastFailureAt: Date | null
  readonly lastFailureContent: string
  /** Failed tries of the delivery that is being tried. */
  readonly retryCount: number
  readonly failingSince: Date | null
  readonly nextAttemptAt: Date | null
}

/** Where deliveries go. */
export interface HookPost {
  send(hook: Hook, body: string): void
  health(hook: Hook): HookHealth
  /** Nothing more is sent for the webhook. */
  forget(hook: Hook): void
}

/** Source: Asana developer documentation, webhooks guide: heartbeats every eight hours, 10 s to answer, 24 h of failures. */
export const heartbeatMs = 8 * 3_600_000
export const answerWithinMs = 10_000
export const deletedAfterMs = 24 * 3_600_000

const eventsPerPost = 100

export function createHooks(state: AsanaState, post: HookPost, clock: () => Date): Hooks {
  const hooks = new Map<string, Hook>()
  const waiting = new Map<string, Happening[]>()
  const lastBeatAt = new Map<string, Date>()
  const soon = new Set<NodeJS.Immediate>()
  let isFlushing = false

  const stopFollowing = state.happenings.follow(happening => {
    for (const hook of hooks.values()) {
      if (!happening.scopes.includes(hook.resourceGid) || !passes(hook.filters, happening)) continue
      const events = waiting.get(hook.gid)
      if (events === undefined) waiting.set(hook.gid, [happening])
      else events.push(happening)
    }
    if (waiting.size === 0 || isFlushing) return
    isFlushing = true
    // What one request did goes out together.
    later(flush)
  })

  return {
    async create(input) {
      const resourceGid = required(input, 'resource')
      const target = required(input, 'target')
      const filters = readFilters(input)
      refuse(resourceGid, target)
      const secret = randomBytes(32).toString('hex')
      await shakeHands(target, secret)
      // Somebody else may have registered it meanwhile.
      refuse(resourceGid, target)
      const hook = register({ resourceGid, target, secret, filters })
      later(() => beat(hook))
      return { view: { ...hookView(hook), active: false }, secret }
    },
    plant: (resourceGid, target, secret) => register({ resourceGid, target, secret, filters: [] }),
    list(resourceGid) {
      const wanted = [...hooks.values()].filter(hook => resourceGid === null || hook.resourceGid === resourceGid)
      return wanted.map(hookView)
    },
    get: gid => hookView(hook(gid)),
    remove(gid) {
      const gone = hook(gid)
      hooks.delete(gid)
      waiting.delete(gid)
      lastBeatAt.delete(gid)
      post.forget(gone)
    },
    all: () => [...hooks.values()],
    heartbeat(which) {
      const dueBefore = clock().getTime() - heartbeatMs
      for (const hook of hooks.values()) {
        const last = lastBeatAt.get(hook.gid) ?? hook.createdAt
        if (which === 'all' || last.getTime() <= dueBefore) beat(hook)
      }
    },
    flush,
    close() {
      stopFollowing()
      for (const immediate of soon) clearImmediate(immediate)
      soon.clear()
    },
  }

  function register(fields: Pick<Hook, 'resourceGid' | 'target' | 'secret' | 'filters'>): Hook {
    const registered = { ...fields, gid: state.nextGid(), createdAt: clock() }
    hooks.set(registered.gid, registered)
    return registered
  }

  /** Unknown resources, targets that are no address, and what is there already. */
  function refuse(resourceGid: string, target: string): void {
    if (state.findTask(resourceGid) === undefined) state.project(resourceGid)
    if (!/^https?:/.test(target) || !URL.canParse(target)) throw badRequest(`target: Not a valid URL: ${target}`)
    for (const hook of hooks.values()) {
      if (hook.resourceGid === resourceGid && hook.target === target) {
        throw new AsanaError(403, 'A webhook with this resource and target exists already')
      }
    }
  }

  function hook(gid: string): Hook {
    const found = hooks.get(gid)
    if (found === undefined) throw unknown('webhook', gid)
    return found
  }

  function hookView(hook: Hook): View {
    const health = post.health(hook)
    const task = state.findTask(hook.resourceGid)
    const resource =
      task === undefined
        ? { gid: hook.resourceGid, resource_type: 'project', name: state.projects.get(hook.resourceGid)?.name ?? '' }
        : { gid: task.gid, resource_type: 'task', name: task.name }
    const { failingSince } = health
    return {
      gid: hook.gid,
      resource_type: 'webhook',
      active: true,
      resource,
      target: hook.target,
      created_at: time(hook.createdAt),
      last_success_at: time(health.lastSuccessAt),
      last_failure_at: time(health.lastFailureAt),
      last_failure_content: health.lastFailureContent,
      delivery_retry_count: health.retryCount,
      next_attempt_after: time(health.nextAttemptAt),
      failure_deletion_timestamp:
        failingSince === null ? null : time(new Date(failingSince.getTime() + deletedAfterMs)),
      filters: hook.filters.map(filterView),
    }
  }

  function beat(hook: Hook): void {
    if (!hooks.has(hook.gid)) return
    lastBeatAt.set(hook.gid, clock())
    post.send(hook, JSON.stringify({ events: [] }))
  }

  function flush(): void {
    isFlushing = false
    for (const [gid, happenings] of waiting) {
      const hook = hooks.get(gid)
      if (hook === undefined) continue
      for (let at = 0; at < happenings.length; at += eventsPerPost) {
        const events = happenings.slice(at, at + eventsPerPost).map(hookEventView)
        post.send(hook, JSON.stringify({ events }))
      }
    }
    waiting.clear()
  }

  function later(step: () => void): void {
    const immediate = setImmediate(() => {
      soon.delete(immediate)
      step()
    })
    soon.add(immediate)
  }
}

/** Source: Asana developer documentation, webhooks guide, the webhook handshake. */
async function shakeHands(target: string, secret: string): Promise<void> {
  const echoed = await fetch(target, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-hook-secret': secret },
    body: '{}',
    redirect: 'manual',
    signal: AbortSignal.timeout(answerWithinMs),
  }).then(
    async response => {
      await response.body?.cancel()
      return response.status === 200 || response.status === 204 ? response.headers.get('x-hook-secret') : null
    },
    () => null,
  )
  if (echoed === secret) return
  throw badRequest(
    'The remote server which is intended to receive the webhook did not respond with the handshake secret.',
  )
}

function required(input: Input, field: string): string {
  const value = text(input, field)
  if (value === undefined || value === '') throw badRequest(`${field}: Missing input`)
  return value
}
