import { parseArgs } from 'node:util'
import { isEntityType } from '../../schema/entities.ts'
import { registry } from '../../subgraphs/registry.ts'
import type { DeliveriesRequest } from '../operator/deliveries-request.ts'
import { storeName } from '../store/store-name.ts'
import { deliveryStates } from '../store/find-deliveries.ts'
import { argumentFault } from './arguments.ts'
import { askRunning, missingStore, tell, workAlone } from './alone.ts'

const systems = registry.map(({ system }) => system)

const help = `Usage: npm run deliveries -- list|show|replay|dismiss|quarantine [options]

  list                         entries of webhooks, the newest first
  show <id>                    one of them with its history; --raw prints its request, personal data included
  replay [<id>...]             works on them again: the dead ones, or those that the options select; one that is done changes nothing
  dismiss <id>...              dismisses dead ones that need no more work, or those of them that the options select
  quarantine list              webhooks that were refused because their signature fits none of our secrets
  quarantine recover [system]  verifies them with the present secrets, and applies those that are genuine

Options of list, replay and dismiss:
  --system ${systems.join('|')}   also of quarantine
  --state ${deliveryStates.join('|')}   not of dismiss
  --since, --until     when it was received: 2026-03-01T12:00:00Z, or 30m, 2h, 3d ago
  --entity Customer:101  everything about it: its own record, those linked to it, its orders and jobs
  --limit <number>     at most this many; list 20, the others 10000 when not given
  --dry-run            replay: reads the records again and says what would change; writes nothing

Options of all:
  --json               a line of JSON for each
  --help               this text

When the gateway is running it does the work; else it is done here. On Postgres the processes that run work on what is replayed.
`

/** How long ago. */
const unitMs: ReadonlyMap<string, number> = new Map([
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
])

const which = ['system', 'state', 'since', 'until', 'entity', 'limit'] as const

/** Whoever gives an option means something by it: one that is passed over may do what he did not want. */
const optionsOf: ReadonlyMap<string, readonly string[]> = new Map([
  ['list', [...which, 'json']],
  ['show', ['raw', 'json']],
  ['replay', [...which, 'dry-run', 'json']],
  ['dismiss', [...which.filter(name => name !== 'state'), 'json']],
  ['quarantine', ['system', 'json']],
])

const asked = readAsked()
if (asked === 'help') process.stdout.write(help)
else if (typeof asked === 'string') {
  process.stderr.write(`${asked}\n\n${help}`)
  process.exitCode = 2
} else {
  const end = await askRunning({ command: 'deliveries', asked: asked.request })
  process.exitCode = (end === 'none' || end === 'shared' ? await answerHere(asked.request) : end) === 'done' ? 0 : 1
}

/** @returns what is wrong, in a sentence; or `help` */
function readAsked(): { readonly request: DeliveriesRequest } | string {
  let parsed
  try {
    parsed = parseArgs({
      allowPositionals: true,
      options: {
        system: { type: 'string' },
        state: { type: 'string' },
        since: { type: 'string' },
        until: { type: 'string' },
        entity: { type: 'string' },
        limit: { type: 'string' },
        'dry-run': { type: 'boolean' },
        json: { type: 'boolean' },
        raw: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    return argumentFault(error)
  }
  const { positionals, values } = parsed
  if (values.help === true) return 'help'
  const [command, ...rest] = positionals
  const stray = strayOption(command, values)
  if (stray !== undefined) return `${command ?? ''}: --${stray} is no option of this command; see its options below.`
  const json = values.json === true
  const system = values.system ?? null
  if (system !== null && !systems.includes(system)) return `--system: expected one of ${systems.join(', ')}.`
  const state = values.state === undefined ? null : deliveryStates.find(one => one === values.state)
  if (state === undefined) return `--state: expected one of ${deliveryStates.join(', ')}.`
  const since = values.since === undefined ? null : instantOf(values.since)
  const until = values.until === undefined ? null : instantOf(values.until)
  if (since === undefined || until === undefined)
    return '--since, --until: expected a time such as 2026-03-01T12:00:00Z, or 30m, 2h, 3d.'
  const entity = values.entity === undefined ? null : entityOf(values.entity)
  if (entity === undefined) return '--entity: expected a type and an id, for example Customer:101.'
  const limit = values.limit === undefined ? null : idOf(values.limit)
  if (limit === undefined) return '--limit: expected a number from 1.'
  const filter = { ids: null, system, state, since, until, entity }
  switch (command) {
    case 'list':
      if (rest.length > 0) return 'list: expected no further words; options say which.'
      return { request: { do: 'list', filter, limit: limit ?? 20, json } }
    case 'show': {
      const id = rest.length === 1 ? idOf(rest[0] ?? '') : undefined
      if (id === undefined) return 'show: expected the number of one delivery.'
      return { request: { do: 'show', id, raw: values.raw === true, json } }
    }
    case 'replay': {
      const known = idsOf(rest)
      if (known === undefined) return 'replay: expected numbers of deliveries.'
      // What is done has no effect, so it is read only when somebody names it.
      const meant = known.length > 0 ? { ...filter, ids: known } : { ...filter, state: state ?? ('dead' as const) }
      const dryRun = values['dry-run'] === true
      return { request: { do: 'replay', filter: meant, limit: limit ?? 10_000, dryRun, json } }
    }
    case 'dismiss': {
      const known = idsOf(rest)
      if (known === undefined) return 'dismiss: expected numbers of deliveries.'
      const isMeant = known.length > 0 || system !== null || since !== null || until !== null || entity !== null
      if (!isMeant) return 'dismiss: expected numbers of deliveries, or an option that says which.'
      const meant = known.length > 0 ? { ...filter, ids: known } : { ...filter, state: 'dead' as const }
      return { request: { do: 'dismiss', filter: meant, limit: limit ?? 10_000, json } }
    }
    case 'quarantine': {
      const [what, only = null, ...more] = rest
      if (more.length > 0 || (what !== 'list' && what !== 'recover')) return 'quarantine: expected list or recover.'
      if (what === 'list') return { request: { do: 'quarantine', json } }
      if (only !== null && !systems.includes(only)) return `recover: expected one of ${systems.join(', ')}.`
      return { request: { do: 'recover', system: only ?? system, json } }
    }
    case undefined:
    default:
      return 'Expected list, show, replay, dismiss or quarantine.'
  }
}

function strayOption(command: string | undefined, values: object): string | undefined {
  const allowed = optionsOf.get(command ?? '')
  return allowed === undefined ? undefined : Object.keys(values).find(name => !allowed.includes(name))
}

/** @returns undefined when one of them is no number of a delivery */
function idsOf(words: readonly string[]): number[] | undefined {
  const ids = words.flatMap(word => idOf(word) ?? [])
  return ids.length < words.length ? undefined : ids
}

function idOf(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined
}

function instantOf(text: string): Date | undefined {
  const ago = /^(\d{1,6})([mhd])$/.exec(text)
  if (ago !== null) return new Date(Date.now() - Number(ago[1]) * (unitMs.get(ago[2] ?? '') ?? 0))
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? undefined : at
}

function entityOf(text: string) {
  const [type = '', ...rest] = text.split(':')
  const id = rest.join(':')
  return isEntityType(type) && id !== '' ? { type, id } : undefined
}

/** What is to be worked on is worked on here; on a store that several processes share it is left to them. */
async function answerHere(request: DeliveriesRequest): Promise<'done' | 'failed'> {
  const missing = missingStore()
  if (missing !== null) {
    process.stderr.write(`${missing}\n`)
    return 'failed'
  }
  return workAlone('the deliveries cannot be looked at', async ({ config, runtime, log, clock, signal }) => {
    const [
      { answerDeliveries },
      { openSecrets },
      { openDelivering },
      { openProcessor },
      { releaseDead, releaseLeases },
    ] = await Promise.all([
      import('../operator/answer-deliveries.ts'),
      import('../operator/connect.ts'),
      import('../operator/delivering.ts'),
      import('../processor.ts'),
      import('../store/deliveries.ts'),
    ])
    const { store } = runtime
    const processor = openProcessor(runtime, { random: Math.random, log })
    try {
      const isShared = store.signals !== null
      if (request.do === 'replay' && !request.dryRun && !isShared) {
        await releaseDead(store, store.clock.now())
        processor.start()
      }
      const delivering = openDelivering(runtime, { log, secrets: openSecrets(runtime, clock) })
      return await answerDeliveries(delivering, request, tell, signal, {
        waits: !isShared,
        storeName: storeName(config.storeUrl),
      })
    } finally {
      await processor.stop()
      await releaseLeases(store, runtime.worker, store.clock.now())
    }
  })
}
