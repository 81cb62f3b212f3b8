import type { Change } from '../../schema/change.ts'
import { entityKey, type EntityRef, type EntityType } from '../../schema/entities.ts'
import { ownershipOf } from '../../schema/ownership.ts'
import { recordKey, type RecordRef } from '../../schema/systems.ts'
import type { FrameChange, Topic } from '../graph/subscription.ts'

/** The keys under which a topic hears of Changes; see `keysOfChange`. */
export function keysOfTopic(topic: Topic): readonly string[] {
  switch (topic.kind) {
    case 'entity':
      return [entityKey(topic.entity)]
    case 'children':
      return topic.parent === null ? [topic.type] : [`${topic.type} of ${entityKey(topic.parent)}`]
    case 'feed':
      return ['feed']
  }
}

/**
 * Every key a Change concerns: itself, its parents, their lists of its type, the root list of its type, the feed. A record
 * that was linked or taken away brings its children with it: the lists of the entity change too.
 */
export function keysOfChange(change: Change): readonly string[] {
  const keys = new Set<string>(['feed'])
  const parents = [...change.parentsBefore, ...change.parentsAfter]
  for (const parent of parents) keys.add(entityKey(parent))
  if (change.entity !== null) {
    keys.add(entityKey(change.entity))
    keys.add(change.entity.type)
    for (const parent of parents) keys.add(`${change.entity.type} of ${entityKey(parent)}`)
  }
  if (change.kind === 'LINKED') {
    keys.add(linkKey(change.record))
    const entities = change.entity === null ? parents : [change.entity, ...parents]
    for (const entity of entities) {
      for (const child of childrenOf[entity.type] ?? []) keys.add(`${child} of ${entityKey(entity)}`)
    }
  }
  return [...keys]
}

/** The key of links of a record: what hangs below it belongs to another entity then. */
export function linkKey(record: RecordRef): string {
  return `link of ${recordKey(record)}`
}

/** Whether entities of the type hang below others, which stand in their fields. */
export function hasParents(type: EntityType): boolean {
  return Object.values(childrenOf).some(children => children.includes(type))
}

/** Entities that hang below another. */
const childrenOf: Readonly<Partial<Record<EntityType, readonly EntityType[]>>> = {
  Customer: ['Order', 'Job'],
  Order: ['Job'],
}

/** Fields of an entity that hold or depend on others: its children of a type, its parents. */
const fieldsOfOthers: Readonly<Record<string, readonly string[]>> = {
  'Customer/Order': ['orders', 'balances'],
  'Customer/Job': ['jobs'],
  'Order/Job': ['jobs'],
  'Order/Customer': ['customer'],
  'Job/Customer': ['customer'],
  'Job/Order': ['order'],
}

/**
 * Whether a Change that was heard of concerns an entity: it is about the entity, what hangs below it, or what it hangs below. It does not
 * when it is about a sibling, which is filed under the same parent.
 * @param self the entity, under each id that leads to it
 * @param heard the keys that are listened to, those of its parents among them
 */
export function concernsEntity(self: readonly EntityRef[], change: Change, heard: ReadonlySet<string>): boolean {
  const { entity, record, kind, parentsBefore, parentsAfter } = change
  if (entity === null || (kind === 'LINKED' && heard.has(linkKey(record)))) return true
  const own = new Set(self.map(entityKey))
  if ([entity, ...parentsBefore, ...parentsAfter].some(one => own.has(entityKey(one)))) return true
  return self.every(({ type }) => type !== entity.type) && heard.has(entityKey(entity))
}

/**
 * A Change in the eyes of one topic; null when it does not concern it.
 * @param isOwner whether the record is the entity itself, rather than a copy
 */
export function viewOf(topic: Topic, change: Change, isOwner: boolean): FrameChange | null {
  const told = {
    system: change.record.system,
    record: change.record,
    at: change.at,
    recordedAt: change.recordedAt,
    sequence: change.sequence,
    heardAt: change.heardAt,
  }
  if (topic.kind === 'feed') {
    if (topic.entities !== null && !(change.entity && topic.entities.includes(change.entity.type))) return null
    if (topic.systems !== null && !topic.systems.includes(change.record.system)) return null
    if (topic.fields !== null && !topic.fields.some(name => concernsField(name, change, isOwner))) return null
    const isCopy = change.entity !== null && !isOwner
    return { ...told, kind: isCopy ? kindOfCopy(change.kind) : change.kind, fields: change.fields }
  }
  if (topic.kind === 'children') {
    const { status } = topic
    if (status !== null && change.statusBefore !== status && change.statusAfter !== status) return null
    return { ...told, kind: change.kind, fields: change.fields }
  }
  if (change.entity === null || change.entity.type === topic.entity.type) {
    if (isOwner) return { ...told, kind: change.kind, fields: change.fields }
    return { ...told, kind: kindOfCopy(change.kind), fields: change.fields }
  }
  return { ...told, kind: 'UPDATED', fields: fieldsOfOthers[`${topic.entity.type}/${change.entity.type}`] ?? [] }
}

/** What happens to a copy of an entity, in the eyes of the entity: it lives whether the copy does or not. */
function kindOfCopy(kind: Change['kind']): Change['kind'] {
  return kind === 'UPDATED' ? 'UPDATED' : 'LINKED'
}

/** Whether the field may have changed: a Change that names none may be about any, and each is about when the record changed. */
function concernsField(name: string, change: Change, isOwner: boolean): boolean {
  const dot = name.indexOf('.')
  if (dot !== -1 && change.entity?.type !== name.slice(0, dot)) return false
  const field = name.slice(dot + 1)
  if (change.entity !== null && ownershipOf(change.entity.type, field) === undefined) return false
  return change.fields.length === 0 || change.fields.includes(field) || (isOwner && field === 'updatedAt')
}
