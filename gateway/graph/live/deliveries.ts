import type { Change } from '../../../schema/change.ts'
import { isEntityType, type EntityRef } from '../../../schema/entities.ts'
import type { System } from '../../../schema/systems.ts'
import { readPage, readWindow, type WindowArguments } from '../../links/page.ts'
import { badInput, checkSystem } from './arguments.ts'
import type { DeliveryState, DeliveryWindow, FoundDelivery } from '../../store/find-deliveries.ts'

/** Which deliveries are meant. */
export interface DeliverySelection {
  readonly ids?: readonly number[] | null
  readonly system?: System | null
  readonly state?: DeliveryState | null
  readonly since?: Date | null
  readonly until?: Date | null
  readonly entity?: EntityRef | null
}

/** What operators see and do. */
export interface DeliveriesPort {
  find(asked: DeliverySelection, window: DeliveryWindow): Promise<readonly FoundDelivery[]>
  count(asked: DeliverySelection): Promise<number>
  dismiss(
    asked: DeliverySelection,
    limit: number,
  ): Promise<{ readonly matched: number; readonly dismissed: readonly number[] }>
  replay(
    request: {
      readonly filter: DeliverySelection
      readonly limit: number
      readonly dryRun: boolean
      readonly waits: boolean
    },
    onPage: () => void,
    signal: AbortSignal,
  ): Promise<{
    readonly matched: number
    readonly due: readonly number[]
    readonly untouched: Readonly<Partial<Record<UntouchedReason, number>>>
    readonly changes: readonly Change[]
    readonly unsure: readonly { readonly id: number; readonly reason: string }[]
  }>
}

type UntouchedReason = 'processed' | 'held' | 'unreadable' | 'forgotten'

interface FilterArguments {
  readonly system?: string | null
  readonly state?: DeliveryState | null
  readonly since?: Date | null
  readonly until?: Date | null
  readonly entity?: { readonly type: string; readonly id: string } | null
}

type PageArguments = FilterArguments & WindowArguments

interface DismissArguments {
  readonly input: Omit<FilterArguments, 'state'> & {
    readonly ids?: readonly string[] | null
    readonly limit?: number | null
  }
}

interface ReplayArguments {
  readonly input: FilterArguments & {
    readonly ids?: readonly string[] | null
    readonly limit?: number | null
    readonly dryRun?: boolean | null
  }
}

/** A rehearsal reads every record again before it answers. */
const rehearsedAtOnce = 100
const replayedAtOnce = 1000

const shownReasons: Readonly<Record<UntouchedReason, string>> = {
  processed: 'PROCESSED',
  held: 'HELD',
  unreadable: 'UNREADABLE',
  forgotten: 'FORGOTTEN',
}

export function deliveryQueries(port: DeliveriesPort) {
  return {
    deliveries: async (_: unknown, asked: PageArguments) => {
      const filter = filterOf(asked)
      const { rows, hasNextPage, hasPreviousPage } = await readPage(readWindow(asked, idOfCursor), window =>
        port.find(filter, { ...window, limit: window.limit + 1 }),
      )
      const edges = rows.map(one => ({ cursor: cursorOf(one.id), node: one }))
      return {
        edges,
        nodes: edges.map(({ node }) => node),
        pageInfo: {
          hasNextPage,
          hasPreviousPage,
          startCursor: edges[0]?.cursor ?? null,
          endCursor: edges.at(-1)?.cursor ?? null,
        },
        totalCount: () => port.count(filter),
      }
    },
    delivery: async (_: unknown, { id }: { readonly id: string }) => {
      const [found] = await port.find({ ids: [idOf('id', id)] }, { limit: 1 })
      return found ?? null
    },
  }
}

export function deliveryMutations(port: DeliveriesPort) {
  return {
    dismissDeliveries: async (_: unknown, { input }: DismissArguments) => {
      const ids = input.ids?.map(id => idOf('ids', id)) ?? null
      const { system, since, until, entity } = input
      if ([ids, system, since, until, entity].every(one => one == null))
        throw badInput('input: expected ids, or a field that says which deliveries are meant')
      const filter = { ...filterOf(input), ids, state: ids === null ? ('dead' as const) : null }
      const end = await port.dismiss(filter, sizeOf('limit', input.limit ?? replayedAtOnce, replayedAtOnce))
      return { matched: end.matched, dismissedIds: end.dismissed }
    },
    replayDeliveries: async (_: unknown, { input }: ReplayArguments) => {
      const dryRun = input.dryRun === true
      const most = dryRun ? rehearsedAtOnce : replayedAtOnce
      const limit = sizeOf('limit', input.limit ?? rehearsedAtOnce, most)
      const ids = input.ids?.map(id => idOf('ids', id)) ?? null
      const filter = { ...filterOf(input), ids, state: input.state ?? (ids === null ? ('dead' as const) : null) }
      const { signal } = new AbortController()
      const end = await port.replay({ filter, limit, dryRun, waits: false }, () => undefined, signal)
      const reasons: readonly UntouchedReason[] = ['processed', 'held', 'unreadable', 'forgotten']
      return {
        matched: end.matched,
        replayedIds: end.due,
        untouched: reasons.flatMap(reason => {
          const count = end.untouched[reason] ?? 0
          return count === 0 ? [] : [{ reason: shownReasons[reason], count }]
        }),
        changes: end.changes.map(({ kind, record, entity, fields }) => ({
          kind,
          record,
          fields,
          entityType: entity?.type ?? null,
          entityId: entity?.id ?? null,
        })),
        unsure: end.unsure,
      }
    },
  }
}

export const deliveryStateNames = { DUE: 'due', DONE: 'done', DEAD: 'dead', DISMISSED: 'dismissed' } as const

function filterOf({ system, state, since, until, entity }: FilterArguments): DeliverySelection {
  checkSystem(system)
  return { system, state, since, until, entity: entity == null ? null : entityOf(entity) }
}

function entityOf({ type, id }: { readonly type: string; readonly id: string }): EntityRef {
  if (id.trim() === '') throw badInput('entity.id: expected an id, got none; leave out entity to select all')
  if (isEntityType(type)) return { type, id }
  throw badInput('entity.type: expected the name of an entity, for example Customer')
}

function sizeOf(name: string, size: number, most: number): number {
  if (size >= 1 && size <= most) return size
  throw badInput(`${name}: expected 1 to ${most}, got ${size}`)
}

function idOf(name: string, text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw badInput(`${name}: expected the id of a delivery, as \`deliveries\` gives it`)
}

function cursorOf(id: number): string {
  return Buffer.from(`d1:${id}`).toString('base64url')
}

function idOfCursor(name: 'after' | 'before', cursor: string): number {
  const match = /^d1:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  if (match === null) throw badInput(`${name}: expected a cursor of this list, as an earlier page gave it`)
  return Number(match[1])
}
