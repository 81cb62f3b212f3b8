import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EntityRef } from '../../../schema/entities.ts'
import { openLinks } from '../../../gateway/links/links.ts'
import { linkByPerson } from '../../../gateway/links/person.ts'
import { writeProgress } from '../../../gateway/store/progress.ts'
import type { Store } from '../../../gateway/store/store.ts'
import {
  absence,
  apply,
  at,
  catalogue,
  clear,
  contact,
  invoice,
  isLongWay,
  merge,
  now,
  openTestStore,
  payer,
  planOf,
  sight,
  task,
  watched,
} from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const customer = (id: string): EntityRef => ({ type: 'Customer', id })

function finishImport(): Promise<void> {
  return store.write(tx =>
    writeProgress(tx, {
      system: 'hubspot',
      kind: 'contact',
      run: 1,
      settings: null,
      state: 'done',
      cursor: null,
      imported: 1,
      total: null,
      startedAt: now,
      updatedAt: now,
      completedAt: now,
    }),
  )
}

describe('resolve', () => {
  it('follows aliases and gives null for tombstones', async () => {
    await apply(store, sight(contact('1')), sight(contact('2')), sight(contact('3')))
    await apply(store, merge(contact('1'), contact('2')), absence(contact('3')))
    const links = openLinks(store, catalogue)
    expect(await links.resolve(customer('1'))).toEqual(customer('2'))
    expect(await links.resolve(customer('2'))).toEqual(customer('2'))
    expect(await links.resolve(customer('3'))).toBeNull()
    await apply(store, absence(contact('2')))
    expect(await links.resolve(customer('1'))).toBeNull()
  })

  it('takes an unknown id at its word until the import has seen everything', async () => {
    const links = openLinks(store, catalogue)
    expect(await links.resolve(customer('404'))).toEqual(customer('404'))
    await finishImport()
    expect(await openLinks(store, catalogue).resolve(customer('404'))).toBeNull()
  })
})

describe('records and entities', () => {
  beforeEach(async () => {
    await apply(
      store,
      sight(contact('1'), { email: 'a@x.example' }),
      sight(payer('cus_old'), { email: 'a@x.example', createdAt: at(1) }),
      sight(payer('cus_new'), { email: 'a@x.example', createdAt: at(2) }),
      sight(payer('cus_named'), { names: customer('1'), createdAt: at(0) }),
      sight(payer('cus_said'), { createdAt: at(0) }),
      sight(payer('cus_nobody')),
      sight(invoice('in_1'), { parents: [{ entity: 'Customer', record: payer('cus_old') }] }),
      sight(task('t1'), { parents: [{ entity: 'Order', reference: 'in_1' }] }),
    )
    await store.write(tx => linkByPerson(tx, catalogue, payer('cus_said'), '1', now))
  })

  it('finds the records of an entity, the leading one first, and the owner with the evidence of its own', async () => {
    const links = openLinks(store, catalogue)
    const records = await links.recordsOf(customer('1'), 'stripe')
    expect(records.map(({ record, evidence }) => [record.id, evidence])).toEqual([
      ['cus_said', 'person'],
      ['cus_named', 'explicit'],
      ['cus_new', 'email'],
      ['cus_old', 'email'],
    ])
    expect(await links.recordsOf(customer('1'), 'hubspot')).toMatchObject([{ record: contact('1'), evidence: 'owner' }])
    expect((await links.linksOf(customer('1'))).map(link => link.evidence)).toEqual([
      'person',
      'owner',
      'explicit',
      'email',
      'email',
    ])
  })

  it('finds what names the entity in a field, by an alias too, the last changed first and nothing that is gone', async () => {
    await apply(
      store,
      sight(task('by id'), { parents: [{ entity: 'Customer', reference: '1' }], updatedAt: at(20) }),
      sight(task('by record'), { parents: [{ entity: 'Customer', reference: 'cus_new' }], updatedAt: at(30) }),
      sight(task('gone'), { parents: [{ entity: 'Customer', reference: '1' }], updatedAt: at(40) }),
      sight(task('nobody'), { parents: [{ entity: 'Customer', reference: '999' }] }),
    )
    await apply(store, absence(task('gone'), { at: at(50) }))
    const named = { entity: customer('1'), evidence: 'explicit', field: 'Job.customer' }
    const links = openLinks(store, catalogue)
    const expected = [
      { ...named, record: task('by record'), linkedAt: at(30) },
      { ...named, record: task('by id'), linkedAt: at(20) },
    ]
    expect(await links.referencesOf(customer('1'))).toEqual(expected)
    await apply(store, sight(contact('2')), merge(contact('1'), contact('2')))
    const ofWinner = expected.map(link => ({ ...link, entity: customer('2') }))
    for (const id of ['1', '2']) expect(await links.referencesOf(customer(id))).toEqual(ofWinner)
  })

  it('finds them by an alias as well, and shows the alias among the links', async () => {
    await apply(store, sight(contact('2')), merge(contact('1'), contact('2')))
    const links = openLinks(store, catalogue)
    expect(await links.recordsOf(customer('1'), 'stripe')).toHaveLength(4)
    const merged = (await links.linksOf(customer('1'))).filter(link => link.evidence === 'merged')
    expect(merged).toMatchObject([{ entity: customer('2'), record: contact('1') }])
  })

  it('finds the entity of a record and the parent it hangs below', async () => {
    const links = openLinks(store, catalogue)
    expect(await links.entityOf(contact('1'))).toEqual(customer('1'))
    expect(await links.entityOf(payer('cus_new'))).toEqual(customer('1'))
    expect(await links.entityOf(payer('cus_nobody'))).toBeNull()
    expect(await links.parentOf(invoice('in_1'), 'Customer')).toEqual(customer('1'))
    expect(await links.parentOf(task('t1'), 'Order')).toEqual({ type: 'Order', id: 'in_1' })
    expect(await links.parentOf(task('t1'), 'Customer')).toBeNull()
  })

  it('asks the store once for all calls of one tick', async () => {
    const seen = watched(store)
    const links = openLinks(seen.store, catalogue)
    const ids = Array.from({ length: 50 }, (_, index) => String(index))
    await Promise.all(ids.map(id => links.resolve(customer(id))))
    expect(seen.statements).toHaveLength(1)
    await Promise.all(ids.map(id => links.recordsOf(customer(id), 'stripe')))
    expect(seen.statements).toHaveLength(2)
    await Promise.all(ids.map(id => links.entityOf(payer(id))))
    expect(seen.statements).toHaveLength(3)
    await Promise.all(ids.map(id => links.parentOf(invoice(id), 'Customer')))
    expect(seen.statements).toHaveLength(4)
  })

  it('reads by the indexes alone, however many are asked for', async () => {
    const seen = watched(store)
    const links = openLinks(seen.store, catalogue)
    const ids = Array.from({ length: 300 }, (_, index) => String(index))
    await Promise.all(ids.map(id => links.resolve(customer(id))))
    await Promise.all(ids.map(id => links.recordsOf(customer(id), 'stripe')))
    await Promise.all(ids.map(id => links.entityOf(payer(id))))
    await Promise.all(ids.map(id => links.parentOf(invoice(id), 'Customer')))
    for (const statement of seen.statements) expect(planOf(statement).filter(isLongWay)).toEqual([])
  })

  it('sees what was written between two calls', async () => {
    const links = openLinks(store, catalogue)
    expect(await links.entityOf(payer('cus_nobody'))).toBeNull()
    await store.write(tx => linkByPerson(tx, catalogue, payer('cus_nobody'), '1', now))
    expect(await links.entityOf(payer('cus_nobody'))).toEqual(customer('1'))
  })
})
