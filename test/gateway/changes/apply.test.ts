import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { applyObservations } from '../../../gateway/changes/apply.ts'
import type { Observation } from '../../../gateway/changes/observe.ts'
import { linkByPerson } from '../../../gateway/links/person.ts'
import type { Store } from '../../../gateway/store/store.ts'
import {
  absence,
  apply,
  at,
  catalogue,
  clear,
  contact,
  indexOf,
  invoice,
  isLongWay,
  now,
  openTestStore,
  payer,
  planOf,
  sight,
  task,
  told,
  watched,
} from '../links/fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(async () => {
  await store.close()
})

const ofPayer = (id: string) => [{ entity: 'Customer' as const, record: payer(id) }]
const ofText = (reference: string) => [{ entity: 'Customer' as const, reference }]

describe('one record', () => {
  it('is CREATED at first sight, UPDATED after that and DELETED when it is gone', async () => {
    expect(told(await apply(store, sight(invoice('in_1'), { status: 'OPEN' })))).toEqual([
      'CREATED stripe:invoice:in_1 Order:in_1 []>[]',
    ])
    const [update] = await apply(store, sight(invoice('in_1'), { status: 'PAID' }))
    expect(update).toMatchObject({ kind: 'UPDATED', statusBefore: 'OPEN', statusAfter: 'PAID' })
    const [end] = await apply(store, absence(invoice('in_1')))
    expect(end).toMatchObject({ kind: 'DELETED', statusBefore: 'PAID', statusAfter: null, entity: { id: 'in_1' } })
    expect(await apply(store, absence(invoice('in_1')))).toEqual([])
  })

  it('is nothing when it is unknown and does not exist', async () => {
    expect(await apply(store, absence(invoice('in_9'), { kind: 'UPDATED' }))).toEqual([])
    expect(await indexOf(store)).toMatchObject({ records: [] })
  })

  it('stays dead for news older than its end, and lives again by newer news', async () => {
    await apply(store, sight(contact('1'), { updatedAt: at(5) }), absence(contact('1'), { at: at(10) }))
    expect(await apply(store, sight(contact('1'), { updatedAt: at(10) }))).toEqual([])
    expect(await apply(store, sight(contact('1'), { updatedAt: null }))).toEqual([])
    expect(told(await apply(store, sight(contact('1'), { updatedAt: at(11) })))).toEqual([
      'CREATED hubspot:contact:1 Customer:1 []>[]',
    ])
  })

  it('stays dead when its end arrives before its birth', async () => {
    expect(await apply(store, absence(contact('1'), { at: at(10) }))).toEqual([])
    expect(await apply(store, sight(contact('1'), { updatedAt: at(5) }))).toEqual([])
  })

  it('is not overwritten by an older version, but caches hear of it', async () => {
    await apply(store, sight(invoice('in_1'), { status: 'PAID', updatedAt: at(9) }))
    const [change] = await apply(store, sight(invoice('in_1'), { status: 'OPEN', updatedAt: at(8) }))
    expect(change).toMatchObject({ kind: 'UPDATED', statusBefore: 'PAID', statusAfter: 'PAID' })
    expect(await indexOf(store)).toMatchObject({ records: [{ status: 'PAID' }] })
  })

  it('makes no Change when the same version comes again and says of no field', async () => {
    const version = { status: 'OPEN', updatedAt: at(5) }
    await apply(store, sight(invoice('in_1'), version, { origin: 'import' }))
    expect(await apply(store, sight(invoice('in_1'), version))).toEqual([])
    expect(await apply(store, sight(invoice('in_1'), version, { fields: ['status'], origin: 'sweep' }))).toEqual([])
    expect(await apply(store, sight(invoice('in_1'), version, { fields: ['status'] }))).toHaveLength(1)
    expect(await apply(store, sight(invoice('in_1'), { ...version, updatedAt: null }))).toHaveLength(1)
  })

  it('tells of a version once: field by field, or of all that changed', async () => {
    const seen = (seconds: number, ...fields: readonly string[]) =>
      apply(store, sight(contact('1'), { updatedAt: at(seconds) }, { fields }))
    expect(await seen(5)).toHaveLength(1)
    expect(await seen(5, 'phone')).toEqual([])
    expect(await seen(6, 'phone')).toHaveLength(1)
    expect(await seen(6, 'phone')).toEqual([])
    expect(await seen(6, 'name')).toHaveLength(1)
    expect(await apply(store, sight(contact('1'), { updatedAt: at(7) }, { origin: 'sweep' }))).toHaveLength(1)
    expect(await seen(7, 'phone')).toEqual([])
    expect(await seen(8, 'phone')).toHaveLength(1)
  })

  it('makes a Change when a newer version comes, though it says of no field and the index keeps nothing of what changed', async () => {
    for (const more of [{}, { origin: 'sweep' as const }, { origin: 'import' as const }]) {
      await apply(store, sight(task('55'), { updatedAt: at(5) }))
      expect(told(await apply(store, sight(task('55'), { updatedAt: at(6) }, more)))).toEqual([
        'UPDATED asana:task:55 Job:55 []>[]',
      ])
      await clear(store)
    }
  })

  it('makes no Change at first sight of an import, and one when the import shows another value', async () => {
    expect(await apply(store, sight(invoice('in_1'), { status: 'OPEN' }, { origin: 'import' }))).toEqual([])
    expect(await apply(store, sight(invoice('in_1'), { status: 'OPEN' }, { origin: 'import' }))).toEqual([])
    expect(await apply(store, sight(invoice('in_1'), { status: 'PAID' }, { origin: 'import' }))).toHaveLength(1)
  })

  it('dated long after now has no version that later news could be older than', async () => {
    const ahead = at(10_000 + 86_400)
    await apply(store, sight(contact('1'), { updatedAt: at(1) }))
    await apply(store, sight(contact('1'), { updatedAt: ahead }, { at: ahead }))
    await apply(store, sight(contact('1'), { email: 'new@x.example', updatedAt: at(500) }, { at: at(500) }))
    expect(await indexOf(store)).toMatchObject({
      records: [{ email: 'new@x.example', updated_at: at(500).getTime() }],
    })
    await apply(store, absence(contact('1'), { at: ahead }))
    const later = at(20_000)
    const again = [sight(contact('1'), { updatedAt: later })]
    expect(await store.write(tx => applyObservations(tx, catalogue, again, later))).toHaveLength(1)
  })

  it('without a version counts as changed when news of it came, not when a listing showed it', async () => {
    const changedAt = (seconds: number) => ({ records: [{ updated_at: at(seconds).getTime() }] })
    await apply(store, sight(invoice('in_1'), {}, { origin: 'import', at: at(900) }))
    expect(await indexOf(store)).toMatchObject(changedAt(0))
    await apply(store, sight(invoice('in_1'), { status: 'PAID' }, { at: at(500) }))
    expect(await indexOf(store)).toMatchObject(changedAt(500))
    // A page that was read before that news changes nothing.
    await apply(store, sight(invoice('in_1'), { status: 'OPEN' }, { origin: 'import', at: at(400) }))
    expect(await indexOf(store)).toMatchObject({ records: [{ status: 'PAID', updated_at: at(500).getTime() }] })
  })

  it('may stand in one list of observations twice', async () => {
    const changes = await apply(
      store,
      sight(invoice('in_1'), { status: 'OPEN' }),
      sight(invoice('in_1'), { status: 'PAID' }),
      absence(invoice('in_1')),
    )
    expect(changes.map(change => change.kind)).toEqual(['CREATED', 'UPDATED', 'DELETED'])
  })

  it('must be of a kind that is declared', async () => {
    const stranger = { system: 'stripe', kind: 'quote', id: 'q' }
    await expect(apply(store, sight(stranger))).rejects.toThrow('got stripe:quote')
  })
})

describe('links', () => {
  it('are made by e-mail whichever side comes first', async () => {
    await apply(store, sight(payer('cus_1'), { email: ' Ann@X.example ' }))
    expect(told(await apply(store, sight(contact('1'), { email: 'ann@x.EXAMPLE' })))).toEqual([
      'CREATED hubspot:contact:1 Customer:1 []>[]',
      'LINKED stripe:customer:cus_1 Customer:1 []>[Customer:1]',
    ])
    expect(told(await apply(store, sight(payer('cus_2'), { email: 'ann@x.example' })))).toEqual([
      'CREATED stripe:customer:cus_2 Customer:1 []>[Customer:1]',
    ])
  })

  it('by name do not fall back to e-mail', async () => {
    await apply(store, sight(contact('1'), { email: 'a@x.example' }))
    const names = { type: 'Customer' as const, id: '404' }
    await apply(store, sight(payer('cus_1'), { email: 'a@x.example', names }))
    expect(await indexOf(store)).toMatchObject({ links: [], unlinked: [{ reason: 'UNKNOWN_REFERENCE' }] })
    expect(told(await apply(store, sight(contact('404'))))).toContain(
      'LINKED stripe:customer:cus_1 Customer:404 []>[Customer:404]',
    )
    expect(await indexOf(store)).toMatchObject({ links: [{ evidence: 'explicit' }], unlinked: [] })
  })

  it('are not made to one of several with the e-mail, and are when only one is left', async () => {
    await apply(store, sight(contact('1'), { email: 'a@x.example' }), sight(contact('2'), { email: 'a@x.example' }))
    await apply(store, sight(payer('cus_1'), { email: 'a@x.example' }))
    expect(await indexOf(store)).toMatchObject({
      links: [],
      unlinked: [{ reason: 'AMBIGUOUS_EMAIL', candidates: '["1","2"]' }],
    })
    expect(told(await apply(store, sight(contact('1'), { email: 'b@x.example' })))).toEqual([
      'UPDATED hubspot:contact:1 Customer:1 []>[]',
      'LINKED stripe:customer:cus_1 Customer:2 []>[Customer:2]',
    ])
  })

  it('end with the owner, with a LINKED Change for each, and children lose their parent', async () => {
    await apply(
      store,
      sight(contact('1'), { email: 'a@x.example' }),
      sight(payer('cus_1'), { email: 'a@x.example' }),
      sight(invoice('in_1'), { parents: ofPayer('cus_1') }),
    )
    expect(told(await apply(store, absence(contact('1'))))).toEqual([
      'DELETED hubspot:contact:1 Customer:1 []>[]',
      'LINKED stripe:customer:cus_1 Customer:1 [Customer:1]>[]',
    ])
    expect(await indexOf(store)).toMatchObject({
      links: [],
      unlinked: [{ reason: 'BIRTH' }],
      parents: [{ entity_id: null }],
    })
  })

  it('said by a person are not changed by anything automatic while the entity lives', async () => {
    await apply(
      store,
      sight(contact('1'), { email: 'a@x.example' }),
      sight(contact('2')),
      sight(payer('cus_1'), { email: 'a@x.example' }),
      sight(invoice('in_1'), { parents: ofPayer('cus_1') }),
    )
    const link = (id: string | null) => store.write(tx => linkByPerson(tx, catalogue, payer('cus_1'), id, now))
    expect(told(await link('2'))).toEqual(['LINKED stripe:customer:cus_1 Customer:2 [Customer:1]>[Customer:2]'])
    expect(await link('2')).toEqual([])
    await apply(store, sight(payer('cus_1'), { email: 'b@x.example' }), sight(contact('1'), { email: 'b@x.example' }))
    expect(await indexOf(store)).toMatchObject({
      links: [{ entity_id: '2', evidence: 'person' }],
      parents: [{ entity_id: '2' }],
    })
    expect(told(await link(null))).toEqual(['LINKED stripe:customer:cus_1 Customer:2 [Customer:2]>[]'])
    await apply(store, sight(contact('1'), { email: 'c@x.example' }), sight(payer('cus_1'), { email: 'c@x.example' }))
    expect(await indexOf(store)).toMatchObject({ links: [], parents: [{ entity_id: null }] })
    await link('2')
    expect(told(await apply(store, absence(contact('2'))))).toContain(
      'LINKED stripe:customer:cus_1 Customer:1 [Customer:2]>[Customer:1]',
    )
  })

  it('said by a person must name what exists', async () => {
    await apply(store, sight(contact('1')), sight(payer('cus_1')))
    const link = (id: string, entity: string | null) =>
      store.write(tx => linkByPerson(tx, catalogue, payer(id), entity, now))
    await expect(link('cus_9', '1')).rejects.toMatchObject({ extensions: { code: 'NOT_FOUND' } })
    await expect(link('cus_1', '9')).rejects.toMatchObject({ extensions: { code: 'NOT_FOUND' } })
    await expect(store.write(tx => linkByPerson(tx, catalogue, invoice('in_1'), '1', now))).rejects.toMatchObject({
      extensions: { code: 'BAD_USER_INPUT' },
    })
  })
})

describe('parents', () => {
  it('named by text resolve to an id, a linked record or a unique e-mail, once it appears', async () => {
    await apply(
      store,
      sight(task('t1'), { parents: ofText(' 1 ') }),
      sight(task('t2'), { parents: ofText('cus_1') }),
      sight(task('t3'), { parents: ofText('A@x.example') }),
      sight(task('t4'), { parents: [{ entity: 'Order', reference: 'in_1' }] }),
    )
    await apply(store, sight(payer('cus_1'), { email: 'a@x.example' }))
    const [created] = await apply(store, sight(contact('1'), { email: 'a@x.example' }), sight(invoice('in_1')))
    expect(created?.kind).toBe('CREATED')
    const parents = [{ entity_id: '1' }, { entity_id: '1' }, { entity_id: '1' }, { entity_id: 'in_1' }]
    expect(await indexOf(store)).toMatchObject({ parents })
    // Another one with the address takes nothing away.
    await apply(store, sight(contact('2'), { email: 'a@x.example' }))
    expect(await indexOf(store)).toMatchObject({ parents })
  })

  it('before and after stand in the Change of a record that moves', async () => {
    await apply(store, sight(contact('1')), sight(contact('2')), sight(task('t1'), { parents: ofText('1') }))
    expect(told(await apply(store, sight(task('t1'), { parents: ofText('2') })))).toEqual([
      'UPDATED asana:task:t1 Job:t1 [Customer:1]>[Customer:2]',
    ])
    expect(told(await apply(store, absence(task('t1'))))).toEqual(['DELETED asana:task:t1 Job:t1 [Customer:2]>[]'])
  })

  it('resolve within the list of observations that brings them', async () => {
    const changes = await apply(
      store,
      sight(invoice('in_1'), { parents: ofPayer('cus_1') }),
      sight(payer('cus_1'), { email: 'a@x.example' }),
      sight(contact('1'), { email: 'a@x.example' }),
    )
    expect(told(changes)[0]).toBe('CREATED stripe:invoice:in_1 Order:in_1 []>[Customer:1]')
  })
})

describe('statements', () => {
  it('do not grow with the batch, and walk no table or kind', async () => {
    const batch = (size: number, version: number): Observation[] =>
      Array.from({ length: size }, (_, index) => `${index}`).flatMap(id => [
        sight(contact(id), { email: `${id}-${version}@x.example`, updatedAt: at(version) }),
        sight(payer(`cus_${id}`), { email: `${id}-${version}@x.example`, updatedAt: at(version) }),
        sight(invoice(`in_${id}`), { parents: ofPayer(`cus_${id}`), updatedAt: at(version) }),
        sight(task(id), { parents: ofText(version === 1 ? id : `cus_${id}`), updatedAt: at(version) }),
      ])
    const seen = watched(store)
    const statementsOf = async (observations: Observation[]): Promise<number> => {
      seen.statements.length = 0
      await apply(seen.store, ...observations)
      for (const statement of seen.statements) {
        const plan = statement.sql.startsWith('insert') ? [] : planOf(statement)
        expect(plan.filter(isLongWay), statement.sql.slice(0, 100)).toEqual([])
      }
      return seen.statements.length
    }
    const few = await statementsOf(batch(2, 1))
    expect(few).toBeGreaterThan(10)
    await clear(store)
    expect(await statementsOf(batch(50, 1))).toBe(few)
    const again = await statementsOf(batch(50, 2))
    expect(again).toBeLessThan(60)
    await statementsOf(Array.from({ length: 50 }, (_, id) => absence(contact(`${id}`))))
  })
})
