import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { isOnPostgres } from '../../postgres/database.ts'
import { linkByPerson, resetLink } from '../../../gateway/links/person.ts'
import type { Observation } from '../../../gateway/changes/observe.ts'
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
  merge,
  now,
  openTestStore,
  payer,
  sight,
  task,
} from './fixture.ts'
import { History, type Happening } from './history.ts'

let store: Store
let other: Store
beforeAll(async () => {
  store = await openTestStore()
  other = await openTestStore()
})
afterAll(async () => {
  await store.close()
  await other.close()
})

const ofPayer = (id: string) => [{ entity: 'Customer' as const, record: payer(id) }]
const ofText = (reference: string) => [{ entity: 'Customer' as const, reference }]

const ids = fc.constantFrom('1', '2', '3')
const copies = fc.constantFrom('cus_1', 'cus_2')
const addresses = fc.constantFrom('a@x.example', 'b@x.example')

const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('contact'),
      id: ids,
      email: fc.option(addresses),
      emails: fc.subarray(['a@x.example', 'b@x.example']),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('no contact'), id: ids }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('merge'), loser: ids, winner: ids }) },
  {
    weight: 4,
    arbitrary: fc.record({
      is: fc.constant('copy'),
      id: copies,
      email: fc.option(addresses),
      names: fc.option(fc.constantFrom('1', '2', '9'), { freq: 2 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('no copy'), id: copies }) },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('order'),
      id: fc.constantFrom('in_1', 'in_2'),
      of: copies,
      email: fc.option(addresses),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      is: fc.constant('job'),
      id: fc.constantFrom('61', '62'),
      text: fc.oneof(addresses, copies, ids),
    }),
  },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('said'), copy: copies, contact: fc.option(ids) }) },
  { weight: 1, arbitrary: fc.record({ is: fc.constant('taken back'), copy: copies }) },
)

async function happen(one: Happening, seconds: number): Promise<void> {
  const moment = { at: at(seconds) }
  switch (one.is) {
    case 'contact':
      await apply(store, sight(contact(one.id), { email: one.email, emails: one.emails }, moment))
      return
    case 'no contact':
      await apply(store, absence(contact(one.id), moment))
      return
    case 'merge':
      await apply(store, merge(contact(one.loser), contact(one.winner), moment))
      return
    case 'copy': {
      const names = one.names === null ? null : { type: 'Customer' as const, id: one.names }
      await apply(store, sight(payer(one.id), { email: one.email, names }, moment))
      return
    }
    case 'no copy':
      await apply(store, absence(payer(one.id), moment))
      return
    case 'order':
      await apply(store, sight(invoice(one.id), { parents: ofPayer(one.of), email: one.email }, moment))
      return
    case 'job':
      await apply(store, sight(task(one.id), { parents: ofText(one.text) }, moment))
      return
    case 'said':
      await store.write(tx => linkByPerson(tx, catalogue, payer(one.copy), one.contact, now))
      return
    case 'taken back':
      await store.write(tx => resetLink(tx, catalogue, payer(one.copy), now))
  }
}

/** The same lines as the history's. */
async function lines(): Promise<readonly string[]> {
  return store.read(async db => {
    const found = await db
      .selectFrom('records as r')
      .leftJoin('links as l', join =>
        join.onRef('l.system', '=', 'r.system').onRef('l.kind', '=', 'r.kind').onRef('l.record_id', '=', 'r.record_id'),
      )
      .leftJoin('unlinked as u', join =>
        join
          .onRef('u.system', '=', 'r.system')
          .onRef('u.kind', '=', 'r.kind')
          .onRef('u.record_id', '=', 'r.record_id')
          .on('u.by_person', '=', 0),
      )
      .leftJoin('records as o', join =>
        join.on('o.kind', '=', 'contact').onRef('o.record_id', '=', 'l.entity_id').on('o.is_deleted', '=', 0),
      )
      .leftJoin('parents as p', 'p.child', 'r.id')
      .select(['r.kind', 'r.record_id', 'o.record_id as linked', 'u.reason', 'p.entity_id as parent', 'p.fault'])
      .where('r.is_deleted', '=', 0)
      .where('r.kind', '!=', 'contact')
      .execute()
    return found
      .map(row =>
        row.kind === 'customer'
          ? `${row.record_id} of ${row.linked} ${row.reason}`
          : `${row.record_id} of ${row.parent} ${row.fault}`,
      )
      .toSorted()
  })
}

it('whatever happens, links, references and what is listed are as the rule says of the whole history', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { minLength: 5, maxLength: 25 }), async happenings => {
      await clear(store)
      const history = new History()
      const happened: string[] = []
      for (const [index, one] of happenings.entries()) {
        if (!history.isPossible(one)) continue
        history.add(one)
        happened.push(JSON.stringify(one))
        await happen(one, index)
        expect(await lines(), happened.join('\n')).toEqual(history.lines())
      }
    }),
    { numRuns: isOnPostgres ? 8 : 60 },
  )
})

/**
 * Order decides where a record's evidence has pointed at several entities, or was withdrawn: what was linked first stays. Where an
 * address is one contact's alone and stays among its addresses, and each copy has addresses of one contact, it decides nothing.
 */
it('the order in which records and versions are seen makes no difference where evidence only ever pointed at one', async () => {
  const addressesOf = (id: string) => [`${id}-a@x.example`, `${id}-b@x.example`]
  const version = fc.integer({ min: 1, max: 1_000 })
  const which = fc.constantFrom(0, 1)
  const observation: fc.Arbitrary<Observation> = fc.oneof(
    fc
      .record({ id: ids, of: which, v: version })
      .map(({ id, of, v }) =>
        sight(contact(id), { email: addressesOf(id)[of] ?? null, emails: addressesOf(id), updatedAt: at(v) }),
      ),
    fc.record({ id: ids, of: which, isNamed: fc.boolean(), v: version }).map(({ id, of, isNamed, v }) =>
      sight(payer(`cus_${id}`), {
        email: addressesOf(id)[of] ?? null,
        names: isNamed ? { type: 'Customer', id } : null,
        updatedAt: at(v),
      }),
    ),
    fc.record({ id: ids, of: ids, v: version }).map(({ id, of, v }) =>
      sight(invoice(`in_${id}`), {
        parents: ofPayer(`cus_${of}`),
        email: addressesOf(of)[0] ?? null,
        updatedAt: at(v),
      }),
    ),
    fc
      .record({
        id: ids,
        of: fc.oneof(
          ids,
          ids.map(one => `cus_${one}`),
          ids.map(one => `${one}-a@x.example`),
        ),
        v: version,
      })
      .map(({ id, of, v }) => sight(task(id), { parents: ofText(of), updatedAt: at(v) })),
    fc.record({ id: ids, of: fc.constantFrom(contact, task) }).map(({ id, of }) => absence(of(id), { at: at(2_000) })),
  )
  // Two different values of one version are the vendor's fault, not an order.
  const list = fc.uniqueArray(observation, {
    maxLength: 14,
    selector: o => `${o.record.kind}:${o.record.id}:${o.observed?.updatedAt?.getTime()}`,
  })
  const inTwoOrders = list.chain(all => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })))
  await fc.assert(
    fc.asyncProperty(inTwoOrders, fc.boolean(), async ([first, second], isOneByOne) => {
      await clear(store)
      await clear(other)
      await apply(store, ...first)
      for (const part of isOneByOne ? second.map(one => [one]) : [second]) await apply(other, ...part)
      expect(await indexOf(other)).toEqual(await indexOf(store))
    }),
    { numRuns: isOnPostgres ? 8 : 40 },
  )
})
