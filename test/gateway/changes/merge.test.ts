import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../../gateway/store/store.ts'
import {
  absence,
  apply,
  at,
  clear,
  contact,
  indexOf,
  invoice,
  merge,
  openTestStore,
  payer,
  sight,
  task,
  told,
} from '../links/fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const ofPayer = (id: string) => [{ entity: 'Customer' as const, record: payer(id) }]
const ofText = (reference: string) => [{ entity: 'Customer' as const, reference }]

describe('merges', () => {
  it('make the loser an alias and hand its links and children to the winner', async () => {
    await apply(
      store,
      sight(contact('1'), { email: 'a@x.example' }),
      sight(contact('2'), { email: 'b@x.example' }),
      sight(payer('cus_1'), { email: 'a@x.example' }),
      sight(payer('cus_2'), { names: { type: 'Customer', id: '1' } }),
      sight(invoice('in_1'), { parents: ofPayer('cus_1') }),
      sight(task('t1'), { parents: ofText('1') }),
    )
    expect(told(await apply(store, merge(contact('1'), contact('2'))))).toEqual([
      'DELETED hubspot:contact:1 Customer:1 []>[]',
      'UPDATED hubspot:contact:2 Customer:2 []>[]',
      'LINKED stripe:customer:cus_1 Customer:2 [Customer:1]>[Customer:2]',
      'LINKED stripe:customer:cus_2 Customer:2 [Customer:1]>[Customer:2]',
      'UPDATED asana:task:t1 Job:t1 [Customer:1]>[Customer:2]',
    ])
    expect(await indexOf(store)).toMatchObject({
      links: [
        { record_id: '1', entity_id: '2', evidence: 'merged' },
        { record_id: 'cus_1', entity_id: '2', evidence: 'email' },
        { record_id: 'cus_2', entity_id: '2', evidence: 'explicit' },
      ],
      parents: [{ entity_id: '2' }, { entity_id: '2' }],
    })
    expect(await apply(store, merge(contact('1'), contact('2')))).toEqual([])
    expect(await apply(store, merge(contact('2'), contact('1')))).toEqual([])
  })

  it('collapse in chains, whatever their order', async () => {
    for (const order of [
      ['1', '2', '2', '3'],
      ['2', '3', '1', '2'],
    ]) {
      await clear(store)
      await apply(store, sight(contact('1')), sight(contact('2')), sight(contact('3')))
      const [a = '', b = '', c = '', d = ''] = order
      await apply(store, merge(contact(a), contact(b)), merge(contact(c), contact(d)))
      expect(await indexOf(store)).toMatchObject({
        links: [
          { record_id: '1', entity_id: '3' },
          { record_id: '2', entity_id: '3' },
        ],
      })
    }
  })

  it('of before our time are shown by the winner, and make its former ids answer without a word', async () => {
    await apply(store, sight(payer('cus_1'), { names: { type: 'Customer', id: '1' } }))
    const shown = sight(contact('2'), { formerIds: ['1'] }, { origin: 'import' })
    const changes = told(await apply(store, shown))
    expect(changes).toEqual(['LINKED stripe:customer:cus_1 Customer:2 []>[Customer:2]'])
    expect(await indexOf(store)).toMatchObject({
      links: [
        { record_id: '1', entity_id: '2', evidence: 'merged' },
        { record_id: 'cus_1', entity_id: '2', evidence: 'explicit' },
      ],
    })
    expect(await apply(store, shown)).toEqual([])
  })

  it('whose news was lost are made up for when the winner is seen again', async () => {
    await apply(store, sight(contact('1')), sight(contact('2')), sight(task('t1'), { parents: ofText('1') }))
    const changes = told(await apply(store, sight(contact('2'), { formerIds: ['1'], updatedAt: at(5) })))
    expect(changes).toContain('DELETED hubspot:contact:1 Customer:1 []>[]')
    expect(await indexOf(store)).toMatchObject({ parents: [{ entity_id: '2' }] })
  })

  it('are told once, by their own news and by whatever else shows them, in whichever order', async () => {
    const version = { updatedAt: at(5), formerIds: ['1'] }
    const own = [merge(contact('1'), contact('2'), { at: at(5) }), sight(contact('2'), version, { at: at(5) })]
    const moved = sight(contact('2'), version, { at: at(5), fields: ['phone'] })
    const listed = sight(contact('2'), version, { origin: 'sweep' })
    const news = { own, moved: [moved], listed: [listed] }
    const names = ['own', 'moved', 'listed'] as const
    for (const order of names.flatMap(first => names.map(next => [first, next] as const))) {
      await clear(store)
      await apply(store, sight(contact('1'), { updatedAt: at(1) }), sight(contact('2'), { updatedAt: at(1) }))
      const changes = [
        ...(await apply(store, ...news[order[0]])),
        ...(await apply(store, ...news[order[1]])),
        ...(await apply(store, ...own, moved, listed)),
      ]
      expect({ order, told: told(changes).toSorted() }).toEqual({
        order,
        told: ['DELETED hubspot:contact:1 Customer:1 []>[]', 'UPDATED hubspot:contact:2 Customer:2 []>[]'],
      })
      expect(changes.map(({ fields, at: when }) => [fields, when])).toEqual([
        [[], at(5)],
        [[], at(5)],
      ])
    }
  })

  it('whose own news come late, when something else has changed since, are told for that', async () => {
    await apply(store, sight(contact('1'), { updatedAt: at(1) }), sight(contact('2'), { updatedAt: at(1) }))
    await apply(store, sight(contact('2'), { updatedAt: at(5), formerIds: ['1'] }, { origin: 'sweep' }))
    const since = sight(contact('2'), { updatedAt: at(7), formerIds: ['1'] }, { at: at(5) })
    const changes = await apply(store, merge(contact('1'), contact('2'), { at: at(5) }), since)
    expect(changes.map(({ kind, at: when }) => [kind, when])).toEqual([['UPDATED', at(7)]])
  })

  it('into a contact of their own are told as its creation', async () => {
    await apply(store, sight(contact('1')), sight(contact('2')))
    const winner = contact('3')
    const news = [merge(contact('1'), winner), merge(contact('2'), winner), sight(winner, { formerIds: ['1', '2'] })]
    expect(told(await apply(store, ...news))).toEqual([
      'DELETED hubspot:contact:1 Customer:1 []>[]',
      'DELETED hubspot:contact:2 Customer:2 []>[]',
      'CREATED hubspot:contact:3 Customer:3 []>[]',
    ])
  })

  it('in a chain are told once for each contact that goes, in whichever order their news come', async () => {
    const news = [merge(contact('1'), contact('2')), merge(contact('2'), contact('3'))] as const
    const shown = sight(contact('3'), { formerIds: ['1', '2'], updatedAt: at(5) })
    for (const order of [
      [news[0], news[1], shown],
      [news[1], news[0], shown],
      [shown, ...news],
      [news[0], shown, news[1]],
    ]) {
      await clear(store)
      const before = { updatedAt: at(1) }
      await apply(store, sight(contact('1'), before), sight(contact('2'), before), sight(contact('3'), before))
      const changes: string[] = []
      for (const one of [...order, ...order]) changes.push(...told(await apply(store, one)))
      expect(changes.filter(change => change.startsWith('DELETED')).toSorted()).toEqual([
        'DELETED hubspot:contact:1 Customer:1 []>[]',
        'DELETED hubspot:contact:2 Customer:2 []>[]',
      ])
      const dead = changes.indexOf('DELETED hubspot:contact:2 Customer:2 []>[]')
      expect(changes.slice(dead).filter(change => change.startsWith('UPDATED hubspot:contact:2'))).toEqual([])
    }
  })

  it('tell of no contact that is gone already, and of none that nobody here has heard of', async () => {
    await apply(store, sight(contact('1')), sight(contact('2')))
    await apply(store, absence(contact('1')), absence(contact('2')))
    expect(await apply(store, merge(contact('1'), contact('2')), merge(contact('8'), contact('9')))).toEqual([])
  })

  it('wait for a winner that is not known yet', async () => {
    await apply(
      store,
      sight(contact('1'), { email: 'a@x.example' }),
      sight(payer('cus_1'), { email: 'a@x.example' }),
      sight(invoice('in_1'), { parents: ofPayer('cus_1') }),
      sight(task('t1'), { parents: ofText('1') }),
      merge(contact('1'), contact('2')),
    )
    await apply(store, sight(contact('2'), { email: 'b@x.example' }))
    expect(await indexOf(store)).toMatchObject({
      links: [{ entity_id: '2' }, { record_id: 'cus_1', entity_id: '2', evidence: 'email' }],
      parents: [{ entity_id: '2' }, { entity_id: '2' }],
    })
  })
})
