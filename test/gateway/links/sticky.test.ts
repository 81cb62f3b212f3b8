import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { unlinkedPage } from '../../../gateway/links/unlinked.ts'
import { linkByPerson, resetLink } from '../../../gateway/links/person.ts'
import { openLinks } from '../../../gateway/links/links.ts'
import type { Store } from '../../../gateway/store/store.ts'
import {
  absence,
  apply,
  at,
  catalogue,
  clear,
  contact,
  invoice,
  merge,
  now,
  openTestStore,
  payer,
  sight,
  task,
  told,
} from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const ofPayer = (id: string) => [{ entity: 'Customer' as const, record: payer(id) }]
const ofText = (reference: string) => [{ entity: 'Customer' as const, reference }]
const customer = (id: string) => ({ type: 'Customer' as const, id })

/** Record, reason, the entity it belongs to at present, and the others it could be. */
async function listed(): Promise<readonly string[]> {
  const { entries } = await unlinkedPage(store, catalogue, {}, { first: 100 })
  return entries.map(
    ({ unlinked: { record, entityType, reason, entity, candidates } }) =>
      `${record.id} ${entityType} ${reason} ${entity?.id ?? '-'} [${candidates.map(({ id }) => id).join()}]`,
  )
}

async function belonging(...records: readonly { system: string; kind: string; id: string }[]) {
  const links = openLinks(store, catalogue)
  const found = await Promise.all(
    records.map(record => (record.kind === 'customer' ? links.entityOf(record) : links.parentOf(record, 'Customer'))),
  )
  return found.map(entity => entity?.id ?? null)
}

const jane = 'jane@example.com'
const janes = [
  sight(contact('101'), { email: jane }),
  sight(payer('cus_1'), { email: jane }),
  sight(invoice('in_1'), { parents: ofPayer('cus_1') }),
  sight(task('61'), { parents: ofText(jane) }),
]
const all = [payer('cus_1'), invoice('in_1'), task('61')]
const withJane = ['101', '101', '101']

describe('a link that was made by e-mail', () => {
  beforeEach(() => apply(store, ...janes))

  it('stays when the owner has another address, or none, and when the copy has', async () => {
    const changes = [
      sight(contact('101'), { email: 'jane.doe@example.com', emails: [jane] }),
      sight(contact('101'), { email: 'jane.doe@example.com', emails: [] }),
      sight(contact('101'), { email: null }),
      sight(payer('cus_1'), { email: 'accounts@firm.example' }),
      sight(payer('cus_1'), { email: null }),
    ]
    for (const change of changes) {
      expect(told(await apply(store, change)).filter(line => line.startsWith('LINKED'))).toEqual([])
      expect([await belonging(...all), await listed()]).toEqual([withJane, []])
    }
  })

  it('moves when the record names another living entity, and not when it names one that does not exist', async () => {
    await apply(store, sight(contact('102'), { email: 'otto@example.com' }))
    await apply(store, sight(payer('cus_1'), { email: jane, names: customer('999') }))
    expect([await belonging(...all), await listed()]).toEqual([withJane, ['cus_1 Customer UNKNOWN_REFERENCE 101 []']])
    expect(told(await apply(store, sight(payer('cus_1'), { email: jane, names: customer('102') })))).toContain(
      'LINKED stripe:customer:cus_1 Customer:102 [Customer:101]>[Customer:102]',
    )
    expect([await belonging(...all), await listed()]).toEqual([['102', '102', '101'], []])
    // Naming nobody any more is no reason either; that its address is another's is one to look at.
    await apply(store, sight(payer('cus_1'), { email: jane }))
    expect([await belonging(...all), await listed()]).toEqual([
      ['102', '102', '101'],
      ['cus_1 Customer CONTRADICTED 102 [101]'],
    ])
  })

  it('moves to an entity that it named before that was there', async () => {
    await apply(store, sight(payer('cus_1'), { email: jane, names: customer('102') }))
    expect(await belonging(payer('cus_1'))).toEqual(['101'])
    await apply(store, sight(contact('102')))
    expect([await belonging(payer('cus_1')), await listed()]).toEqual([['102'], []])
  })

  it('is contradicted when the address is another one’s, in words too, and no more when that ends', async () => {
    await apply(store, sight(contact('101'), { email: 'jane.doe@example.com' }), sight(contact('102'), { email: jane }))
    const contradicted = ['cus_1 Customer CONTRADICTED 101 [102]', '61 Customer CONTRADICTED 101 [102]']
    const ends = [
      sight(contact('102'), { email: 'otto@example.com' }),
      sight(contact('102'), { email: null, emails: [] }),
      absence(contact('102'), { at: at(1) }),
    ]
    for (const [index, end] of ends.entries()) {
      expect([await belonging(...all), await listed()]).toEqual([withJane, contradicted])
      await apply(store, end)
      expect([await belonging(...all), await listed()]).toEqual([withJane, []])
      await apply(store, sight(contact('102'), { email: jane }, { at: at(index + 2) }))
    }
    await apply(store, sight(payer('cus_1'), { email: 'accounts@firm.example' }), sight(task('61'), { parents: [] }))
    expect(await listed()).toEqual([])
  })

  it('is in question while both have the address', async () => {
    await apply(store, sight(contact('102'), { email: 'otto@example.com', emails: [jane] }))
    expect([await belonging(...all), await listed()]).toEqual([
      withJane,
      ['cus_1 Customer AMBIGUOUS_EMAIL 101 [101,102]', '61 Customer AMBIGUOUS_EMAIL 101 [101,102]'],
    ])
    const [record] = await openLinks(store, catalogue).recordsOf(customer('101'), 'stripe')
    expect(record?.isContradicted).toBe(false)
  })

  it('follows a merge, and ends with its entity: then what is left is matched anew', async () => {
    await apply(store, sight(contact('101'), { email: 'jane.doe@example.com' }), sight(contact('102'), { email: jane }))
    await apply(store, merge(contact('101'), contact('102')))
    expect([await belonging(...all), await listed()]).toEqual([['102', '102', '102'], []])
    await apply(
      store,
      sight(contact('103'), { email: 'new@example.com' }),
      sight(payer('cus_1'), { email: 'new@example.com' }),
    )
    expect(await listed()).toEqual(['cus_1 Customer CONTRADICTED 102 [103]'])
    await apply(store, absence(contact('102')))
    expect([await belonging(...all), await listed()]).toEqual([
      ['103', '103', null],
      ['61 Customer UNKNOWN_REFERENCE - []'],
    ])
  })

  it('comes back to an entity that is restored, a person’s word too, unless another has taken the record', async () => {
    const edited = sight(payer('cus_1'), { email: 'accounts@firm.example' })
    const link = (id: string) => store.write(tx => linkByPerson(tx, catalogue, payer('cus_1'), id, now))
    for (const settle of [() => Promise.resolve(), () => link('101')]) {
      await clear(store)
      await apply(store, ...janes, edited)
      await settle()
      expect(told(await apply(store, absence(contact('101'), { at: at(5) })))).toContain(
        'LINKED stripe:customer:cus_1 Customer:101 [Customer:101]>[]',
      )
      expect([await belonging(payer('cus_1'), invoice('in_1')), await listed()]).toEqual([
        [null, null],
        ['cus_1 Customer BIRTH - []', '61 Customer UNKNOWN_REFERENCE - []'],
      ])
      expect(told(await apply(store, edited))).toEqual(['UPDATED stripe:customer:cus_1 nobody []>[]'])
      expect(told(await apply(store, sight(contact('101'), { email: jane }, { at: at(6) })))).toEqual([
        'CREATED hubspot:contact:101 Customer:101 []>[]',
        'LINKED stripe:customer:cus_1 Customer:101 []>[Customer:101]',
        'UPDATED asana:task:61 Job:61 []>[Customer:101]',
      ])
      expect([await belonging(...all), await listed()]).toEqual([withJane, []])
    }
    await apply(store, absence(contact('101'), { at: at(7) }))
    await apply(store, sight(contact('102'), { email: 'accounts@firm.example' }))
    await apply(store, sight(contact('101'), { email: jane }, { at: at(8) }))
    expect(await belonging(payer('cus_1'))).toEqual(['102'])
  })

  it('is settled by a person: as it is, or with whom the address is', async () => {
    await apply(store, sight(contact('101'), { email: 'jane.doe@example.com' }), sight(contact('102'), { email: jane }))
    await apply(store, sight(task('61'), { parents: [] }))
    const [record] = await openLinks(store, catalogue).recordsOf(customer('101'), 'stripe')
    expect([record?.isContradicted, record?.evidence]).toEqual([true, 'email'])
    const link = (id: string) => store.write(tx => linkByPerson(tx, catalogue, payer('cus_1'), id, now))
    expect(told(await link('101'))).toEqual(['LINKED stripe:customer:cus_1 Customer:101 [Customer:101]>[Customer:101]'])
    expect(await listed()).toEqual([])
    await apply(
      store,
      sight(payer('cus_1'), { email: jane }),
      sight(contact('102'), { email: jane, emails: ['x@x.example'] }),
    )
    expect([await belonging(payer('cus_1')), await listed()]).toEqual([['101'], []])
    await link('102')
    expect([await belonging(payer('cus_1'), invoice('in_1')), await listed()]).toEqual([['102', '102'], []])
  })

  it('is forgotten by what is read for the first time: then what can be derived is', async () => {
    await apply(store, sight(contact('101'), { email: 'jane.doe@example.com' }), sight(contact('102'), { email: jane }))
    await clear(store)
    await apply(store, sight(contact('101'), { email: 'jane.doe@example.com' }), sight(contact('102'), { email: jane }))
    await apply(store, ...janes.slice(1))
    expect([await belonging(...all), await listed()]).toEqual([['102', '102', '102'], []])
  })
})

describe('a reference in words', () => {
  it('keeps what it means while its text does not change, whatever else of the record does', async () => {
    await apply(store, ...janes, sight(contact('102'), { email: 'otto@example.com' }))
    await apply(store, sight(contact('101'), { email: 'jane.doe@example.com' }))
    const named = [...ofText(jane), { entity: 'Order' as const, reference: 'in_1' }]
    await apply(store, sight(task('61'), { parents: named, status: 'DONE' }))
    expect([await belonging(task('61')), await listed()]).toEqual([['101'], []])
    await apply(store, sight(task('61'), { parents: ofText('otto@example.com') }))
    expect(await belonging(task('61'))).toEqual(['102'])
    await apply(store, sight(task('61'), { parents: ofText(jane) }))
    expect([await belonging(task('61')), await listed()]).toEqual([[null], ['61 Customer UNKNOWN_REFERENCE - []']])
  })

  it('by a record goes with the record’s link', async () => {
    await apply(store, ...janes, sight(contact('102')), sight(task('62'), { parents: ofText('cus_1') }))
    await store.write(tx => linkByPerson(tx, catalogue, payer('cus_1'), '102', now))
    expect(await belonging(task('62'))).toEqual(['102'])
    await store.write(tx => linkByPerson(tx, catalogue, payer('cus_1'), null, now))
    expect([await belonging(task('62'), invoice('in_1')), await listed()]).toEqual([
      [null, null],
      ['62 Customer UNKNOWN_REFERENCE - []'],
    ])
  })
})

describe('what a person said', () => {
  const link = (id: string | null) => store.write(tx => linkByPerson(tx, catalogue, payer('cus_1'), id, now))
  const reset = async () => [
    told(await store.write(tx => resetLink(tx, catalogue, payer('cus_1'), now))),
    ...(await belonging(payer('cus_1'))),
  ]

  it('is taken back, and the record is matched anew', async () => {
    await apply(store, ...janes, sight(contact('102')))
    await link('102')
    expect(await reset()).toEqual([['LINKED stripe:customer:cus_1 Customer:101 [Customer:102]>[Customer:101]'], '101'])
    expect(await belonging(...all)).toEqual(withJane)
    await link(null)
    expect(await belonging(...all)).toEqual([null, null, '101'])
    expect(await reset()).toEqual([['LINKED stripe:customer:cus_1 Customer:101 []>[Customer:101]'], '101'])
    expect(await belonging(...all)).toEqual(withJane)
    expect(await reset()).toEqual([[], '101'])
    await apply(store, sight(contact('101'), { email: null }))
    expect(await reset()).toEqual([['LINKED stripe:customer:cus_1 Customer:101 [Customer:101]>[]'], null])
    expect([await belonging(...all), await listed()]).toEqual([[null, null, '101'], ['cus_1 Customer BIRTH - []']])
  })

  it('is not taken back of what is no copy, or is not there', async () => {
    await apply(store, ...janes)
    const of = (record: (typeof all)[number]) => store.write(tx => resetLink(tx, catalogue, record, now))
    await expect(of(invoice('in_1'))).rejects.toMatchObject({ extensions: { code: 'BAD_USER_INPUT' } })
    await expect(of(payer('cus_2'))).rejects.toMatchObject({ extensions: { code: 'NOT_FOUND' } })
  })
})

describe('a record in the middle that is gone', () => {
  const ofThree = [
    sight(contact('103'), { email: 'ida@example.com' }),
    sight(payer('cus_3'), { email: 'ida@example.com', names: customer('103') }),
    sight(invoice('in_3'), { parents: ofPayer('cus_3'), email: 'ida@example.com' }),
    sight(task('63'), { parents: ofText('cus_3') }),
  ]
  const children = [invoice('in_3'), task('63')]

  it('leaves what belonged to it with the entity that lives on, through merges, deletion and restoration', async () => {
    await apply(store, ...ofThree)
    expect(told(await apply(store, absence(payer('cus_3'), { at: at(5) })))).toEqual([
      'DELETED stripe:customer:cus_3 Customer:103 [Customer:103]>[]',
    ])
    const links = openLinks(store, catalogue)
    expect(await links.recordsOf(customer('103'), 'stripe')).toEqual([])
    expect((await links.linksOf(customer('103'))).map(link => link.record.id)).toEqual(['103'])
    expect([await belonging(...children), await listed()]).toEqual([['103', '103'], []])
    await apply(store, sight(contact('104')))
    expect(told(await apply(store, merge(contact('103'), contact('104'))))).toEqual([
      'DELETED hubspot:contact:103 Customer:103 []>[]',
      'UPDATED hubspot:contact:104 Customer:104 []>[]',
      'UPDATED stripe:invoice:in_3 Order:in_3 [Customer:103]>[Customer:104]',
      'UPDATED asana:task:63 Job:63 [Customer:103]>[Customer:104]',
    ])
    expect(await belonging(...children)).toEqual(['104', '104'])
    await apply(store, absence(contact('104'), { at: at(6) }))
    expect([await belonging(...children), await listed()]).toEqual([
      [null, null],
      ['in_3 Customer UNKNOWN_REFERENCE - []', '63 Customer UNKNOWN_REFERENCE - []'],
    ])
    await apply(store, sight(contact('104'), {}, { at: at(7) }))
    expect([await belonging(...children), await listed()]).toEqual([['104', '104'], []])
  })

  it('that was linked to nothing, or was never seen, leaves it with the one who has the address it was sent to', async () => {
    const [ida, , order] = ofThree
    if (ida === undefined || order === undefined) throw new Error('expected a contact and an invoice')
    await apply(store, order)
    expect(await listed()).toEqual(['in_3 Customer UNKNOWN_REFERENCE - []'])
    await apply(store, ida)
    expect([await belonging(invoice('in_3')), await listed()]).toEqual([['103'], []])
    await apply(store, sight(contact('105'), { email: null, emails: ['ida@example.com'] }))
    expect([await belonging(invoice('in_3')), await listed()]).toEqual([['103'], []])
    await clear(store)
    await apply(store, order, ida, sight(contact('105'), { emails: ['ida@example.com'] }))
    await apply(store, sight(invoice('in_4'), { parents: ofPayer('cus_3'), email: 'ida@example.com' }))
    expect([await belonging(invoice('in_4')), await listed()]).toEqual([
      [null],
      ['in_3 Customer AMBIGUOUS_EMAIL - [103,105]', 'in_4 Customer AMBIGUOUS_EMAIL - [103,105]'],
    ])
  })

  it('decides itself as soon as it is seen, and stands in the list instead of what belongs to it', async () => {
    const [ida, , order] = ofThree
    if (ida === undefined || order === undefined) throw new Error('expected a contact and an invoice')
    await apply(store, order, ida)
    await apply(store, sight(payer('cus_3'), { email: 'accounts@firm.example' }))
    expect([await belonging(invoice('in_3')), await listed()]).toEqual([[null], ['cus_3 Customer BIRTH - []']])
    await apply(store, absence(payer('cus_3')))
    expect([await belonging(invoice('in_3')), await listed()]).toEqual([['103'], []])
  })

  it('that a person said is of no entity leaves it with none', async () => {
    await apply(store, ...ofThree)
    await store.write(tx => linkByPerson(tx, catalogue, payer('cus_3'), null, now))
    await apply(store, absence(payer('cus_3')))
    expect([await belonging(invoice('in_3')), await listed()]).toEqual([[null], ['63 Customer UNKNOWN_REFERENCE - []']])
  })

  it('is not the end of a job whose order is gone: it is listed, and heals', async () => {
    const named = [{ entity: 'Order' as const, reference: 'in_9' }, ...ofText('103')]
    await apply(store, sight(contact('103')), sight(task('84'), { parents: named }))
    expect(await listed()).toEqual(['84 Order UNKNOWN_REFERENCE - []'])
    await apply(store, sight(invoice('in_9')))
    expect(await listed()).toEqual([])
    await apply(store, absence(invoice('in_9'), { at: at(1) }), absence(contact('103'), { at: at(1) }))
    expect(await listed()).toEqual(['84 Customer UNKNOWN_REFERENCE - []', '84 Order UNKNOWN_REFERENCE - []'])
    const first = await unlinkedPage(store, catalogue, {}, { first: 1 })
    const second = await unlinkedPage(store, catalogue, {}, { first: 1, after: first.entries[0]?.cursor })
    expect([second.entries[0]?.unlinked.entityType, await second.totalCount()]).toEqual(['Order', 2])
  })
})
