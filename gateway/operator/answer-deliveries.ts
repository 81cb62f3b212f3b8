import { recordKey } from '../../schema/systems.ts'
import type { Change } from '../../schema/change.ts'
import type { Tell } from './control.ts'
import { decodeUtf8 } from '../utf8.ts'
import type { Delivering, ReplayReport } from './delivering.ts'
import type { DeliveriesRequest } from './deliveries-request.ts'
import type { DeliveryFilter, FoundDelivery } from '../store/find-deliveries.ts'
import { untouchedReasons, type UntouchedReason } from '../webhooks/replay.ts'

/**
 * Answers `npm run deliveries`, line by line. No personal data but where `--raw` asks for it.
 * @param waits whether the end of what is replayed is waited for and told
 * @param storeName of the store that is looked at, for lists that are empty: another one may be meant
 */
export async function answerDeliveries(
  delivering: Delivering,
  asked: DeliveriesRequest,
  tell: Tell,
  signal: AbortSignal,
  { waits, storeName }: { readonly waits: boolean; readonly storeName: string },
): Promise<'done' | 'failed'> {
  const tellJson = (value: unknown): void => tell(JSON.stringify(value))
  switch (asked.do) {
    case 'list': {
      const found = await delivering.find(asked.filter, { limit: asked.limit })
      if (asked.json) found.forEach(tellJson)
      else if (found.length === 0) tell(emptyText(asked.filter, storeName))
      else for (const line of tableOf(found)) tell(line)
      const total = await delivering.count(asked.filter)
      if (!asked.json && total > found.length) tell(`${found.length} of ${total}; --limit shows more.`)
      return 'done'
    }
    case 'show':
      return show(delivering, asked, tell)
    case 'replay':
      return replay(delivering, asked, tell, signal, waits)
    case 'dismiss':
      return dismiss(delivering, asked, tell)
    case 'quarantine': {
      const counts = await delivering.quarantined()
      if (asked.json) counts.forEach(tellJson)
      else if (counts.length === 0) tell(`Nothing is in quarantine in ${storeName}.`)
      else {
        const rows = counts.map(one => [
          one.system,
          String(one.requests),
          String(one.bytes),
          timeText(one.oldestAt),
          timeText(one.newestAt),
        ])
        for (const line of columns([['SYSTEM', 'REQUESTS', 'BYTES', 'OLDEST', 'NEWEST'], ...rows])) tell(line)
      }
      return 'done'
    }
    case 'recover': {
      const end = await delivering.recover(
        asked.system,
        sofar => {
          if (!asked.json) tell(`${sofar.looked} looked at, ${sofar.genuine} genuine`)
        },
        signal,
      )
      if (asked.json) tellJson(end)
      else if (end.looked === 0) tell(`Nothing is in quarantine in ${storeName}.`)
      else {
        tell(
          `${end.genuine} of ${end.looked} requests are genuine and stored, with ${end.fresh} entries that were not known.`,
        )
        if (end.genuine < end.looked) {
          tell('The others fit none of the present secrets. A secret in the settings counts after a restart.')
        }
      }
      return 'done'
    }
  }
}

async function show(
  delivering: Delivering,
  { id, raw, json }: Extract<DeliveriesRequest, { do: 'show' }>,
  tell: Tell,
): Promise<'done' | 'failed'> {
  const [found] = await delivering.find({ ids: [id] }, { limit: 1 })
  if (found === undefined) {
    tell(`There is no delivery ${id}.`)
    return 'failed'
  }
  const request = raw ? await delivering.raw(found.requestId) : null
  const asText = request === null ? null : { ...request, body: shown(request.body) }
  if (json) {
    tell(JSON.stringify(raw ? { ...found, raw: asText } : found))
    return 'done'
  }
  const rows = [
    ['delivery', String(found.id)],
    ['system', found.system],
    ['state', stateText(found)],
    ['received', timeText(found.receivedAt)],
    ['attempts', String(found.attempts)],
    ['process deaths', String(found.processDeaths)],
    ['request', `${found.requestId}${found.isRequestKept ? '' : ', no longer kept as it came'}`],
    ...found.hints.map(hint => [hint.kind.toLowerCase(), recordKey(hint.record)]),
    ...found.history.map(one => [
      `attempt ${one.attempt}`,
      `${timeText(one.endedAt)}  ${one.worker ?? 'unknown process'}  ${one.reason}`,
    ]),
  ]
  for (const line of columns(rows)) tell(line)
  if (raw) {
    if (asText === null) tell('The request is no longer kept.')
    else for (const line of [asText.url, asText.headers, ...asText.body.split('\n')]) tell(line)
  }
  return 'done'
}

/** A body as it came: exactly, whatever it is. */
function shown(body: Uint8Array): string {
  return decodeUtf8(body) ?? `base64, for it is not UTF-8: ${Buffer.from(body).toString('base64')}`
}

async function replay(
  delivering: Delivering,
  { filter, limit, dryRun, json }: Extract<DeliveriesRequest, { do: 'replay' }>,
  tell: Tell,
  signal: AbortSignal,
  waits: boolean,
): Promise<'done' | 'failed'> {
  const end = await delivering.replay(
    { filter, limit, dryRun, waits },
    sofar => {
      if (!json) tell(`${sofar.looked} of ${sofar.matched} gone through`)
    },
    signal,
  )
  if (json) tell(JSON.stringify(end))
  else for (const line of reportLines(end, dryRun, waits)) tell(line)
  const missing = missingOf(filter, end)
  if (missing > 0 && end.matched > 0 && !json) tell(missingText(missing))
  const { unreadable = 0, forgotten = 0 } = end.untouched
  const isLeftDead = end.ended.dead + unreadable + forgotten > 0
  return missing > 0 || isLeftDead || end.unsure.length > 0 ? 'failed' : 'done'
}

async function dismiss(
  delivering: Delivering,
  { filter, limit, json }: Extract<DeliveriesRequest, { do: 'dismiss' }>,
  tell: Tell,
): Promise<'done' | 'failed'> {
  const end = await delivering.dismiss(filter, limit)
  const missing = missingOf(filter, end)
  const left = end.matched - end.dismissed.length
  if (json) tell(JSON.stringify(end))
  else if (end.matched === 0) tell('There is no such delivery.')
  else {
    tell(`${end.dismissed.length} dismissed.`)
    if (left > 0) tell(`${left} left as ${left === 1 ? 'it is' : 'they are'}: not dead.`)
    if (missing > 0) tell(missingText(missing))
  }
  return missing > 0 || left > 0 ? 'failed' : 'done'
}

/** How many numbers were given that are of no delivery. */
function missingOf({ ids }: Pick<DeliveryFilter, 'ids'>, { matched }: { readonly matched: number }): number {
  return ids == null ? 0 : new Set(ids).size - matched
}

function missingText(missing: number): string {
  return `${missing} of the numbers given ${missing === 1 ? 'is' : 'are'} of no such delivery.`
}

function reportLines(end: ReplayReport, dryRun: boolean, waits: boolean): readonly string[] {
  if (end.matched === 0) return ['There is no such delivery.']
  const lines: string[] = []
  if (dryRun) {
    lines.push(`${end.due.length} would be worked on again; nothing was written.`)
    const { length } = end.changes
    lines.push(length === 0 ? 'No Change would follow.' : `${length} Change${length === 1 ? '' : 's'} would follow:`)
    lines.push(...end.changes.map(change => `  ${changeText(change)}`))
    lines.push(...end.unsure.map(({ id, reason }) => `  ${id}: not known: ${reason}`))
  } else if (!waits) {
    lines.push(`${end.due.length} due again: the processes that run work on them; list shows what becomes of them.`)
  } else {
    const { done, dead, waiting } = end.ended
    lines.push(`${end.due.length} worked on again: ${done} done, ${dead} dead, ${waiting} to be tried again later.`)
  }
  const reasons: readonly UntouchedReason[] = ['processed', 'held', 'unreadable', 'forgotten']
  for (const reason of reasons) {
    const count = end.untouched[reason] ?? 0
    if (count > 0) lines.push(`${count} left as ${count === 1 ? 'it is' : 'they are'}: ${untouchedReasons[reason]}`)
  }
  return lines
}

function changeText({ kind, record, entity, fields }: Change): string {
  const of = entity === null ? '' : ` of ${entity.type} ${entity.id}`
  return `${kind} ${recordKey(record)}${of}${fields.length === 0 ? '' : `: ${fields.join(', ')}`}`
}

function emptyText(filter: DeliveryFilter, storeName: string): string {
  const isAll = Object.values(filter).every(value => value == null)
  return isAll
    ? `The list is empty: no webhook was taken in and no sweep found anything, in ${storeName}. Refused webhooks: quarantine list.`
    : `There is no such delivery in ${storeName}.`
}

function tableOf(found: readonly FoundDelivery[]): readonly string[] {
  const rows = found.map(one => [
    String(one.id),
    one.state,
    one.system,
    timeText(one.receivedAt),
    String(one.attempts),
    recordsText(one),
    one.reason ?? '',
  ])
  return columns([['ID', 'STATE', 'SYSTEM', 'RECEIVED', 'TRIES', 'ABOUT', 'REASON'], ...rows])
}

function recordsText({ hints }: FoundDelivery): string {
  const [first] = hints
  if (first === undefined) return '-'
  return `${first.record.kind} ${first.record.id}${hints.length > 1 ? ` and ${hints.length - 1} more` : ''}`
}

function stateText({ state, reason, dueAt, endedAt, worker }: FoundDelivery): string {
  const why = reason === null ? '' : `: ${reason}`
  if (worker !== null) return `${state}, worked on by ${worker}${why}`
  const at = dueAt ?? endedAt
  return `${state}${at === null ? '' : ` ${dueAt === null ? 'since' : 'again at'} ${timeText(at)}`}${why}`
}

function timeText(at: Date): string {
  return at.toISOString().replace('T', ' ').replace(/\..*/, 'Z')
}

/** Rows under each other, each column as wide as its widest text. */
function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = []
  for (const row of rows) row.forEach((text, at) => (widths[at] = Math.max(widths[at] ?? 0, text.length)))
  return rows.map(row =>
    row
      .map((text, at) => (at === row.length - 1 ? text : text.padEnd(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
