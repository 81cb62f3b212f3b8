import type { EntityRef } from '../../schema/entities.ts'
import { recordKey } from '../../schema/systems.ts'
import type { Store } from '../store/store.ts'
import type { Catalogue } from './catalogue.ts'
import { openLinks } from './links.ts'
import { inParts, refOf } from './records.ts'

/** Below a customer stand orders, and below an order its jobs. */
const levels = 2

/**
 * Every record that is about an entity, by `recordKey`: its own, former ids among them, those linked to it, and those of the
 * entities below it: a customer's orders and jobs, an order's jobs.
 */
export async function recordsAbout(store: Store, catalogue: Catalogue, entity: EntityRef): Promise<readonly string[]> {
  const links = openLinks(store, catalogue)
  const keys = new Set<string>()
  const owner = catalogue.ownerOf(entity.type)
  // Also when it is deleted, or was never known.
  if (owner !== null) keys.add(recordKey({ system: owner.system, kind: owner.kind, id: entity.id }))
  const living = (await links.resolve(entity)) ?? entity
  let above: readonly EntityRef[] = [living]
  for (const one of await links.linksOf(living)) keys.add(recordKey(one.record))
  for (let level = 0; level < levels && above.length > 0; level += 1) {
    const below: EntityRef[] = []
    for (const record of await childrenOf(store, above)) {
      if (keys.has(recordKey(record))) continue
      keys.add(recordKey(record))
      if (catalogue.isOwner(record)) below.push({ type: catalogue.kindOf(record).entity, id: record.id })
    }
    above = below
  }
  return [...keys]
}

async function childrenOf(store: Store, entities: readonly EntityRef[]) {
  const types = new Set(entities.map(({ type }) => type))
  const found = await Promise.all(
    [...types].map(type =>
      inParts(
        entities.filter(entity => entity.type === type).map(({ id }) => id),
        part =>
          store.read(db =>
            db
              .selectFrom('parents as p')
              .innerJoin('records as r', 'r.id', 'p.child')
              .select(['r.system', 'r.kind', 'r.record_id'])
              .where('p.entity_type', '=', type)
              .where('p.entity_id', 'in', part)
              .execute(),
          ),
      ),
    ),
  )
  return found.flat().map(refOf)
}
