import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { openLinks } from '../../../gateway/links/links.ts'
import { unlinkedPage } from '../../../gateway/links/unlinked.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { absence, apply, at, catalogue, clear, invoice, openTestStore, sight, task } from './fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const ofOrder = (reference: string) => ({ parents: [{ entity: 'Order' as const, reference }] })
const numbered = (number: string | null) => ({ values: { number } })

async function orderOf(id: string): Promise<string | null> {
  return (await openLinks(store, catalogue).parentOf(task(id), 'Order'))?.id ?? null
}

async function listed(): Promise<readonly string[]> {
  const { entries } = await unlinkedPage(store, catalogue, {}, {})
  return entries.map(
    ({ unlinked: { record, entityType, reason, entity, candidates } }) =>
      `${record.id} ${entityType} ${reason} ${entity?.id ?? '-'} [${candidates.map(({ id }) => id).join()}]`,
  )
}

it('a job names its order by the number printed on it, as people write it, whichever is seen first', async () => {
  await apply(store, sight(invoice('in_1'), numbered('ABCD-0007')))
  await apply(store, sight(task('84'), ofOrder(' abcd-0007 ')), sight(task('86'), ofOrder('ZZZZ-9999')))
  expect([await orderOf('84'), await orderOf('86'), await listed()]).toEqual([
    'in_1',
    null,
    ['86 Order UNKNOWN_REFERENCE - []'],
  ])
  // The number comes with the end of the draft.
  await apply(store, sight(invoice('in_2'), numbered(null)))
  expect(await orderOf('86')).toBeNull()
  await apply(store, sight(invoice('in_2'), numbered('ZZZZ-9999')))
  expect([await orderOf('86'), await listed()]).toEqual(['in_2', []])
  await apply(store, absence(invoice('in_2'), { at: at(1) }))
  expect([await orderOf('86'), await listed()]).toEqual([null, ['86 Order UNKNOWN_REFERENCE - []']])
  await apply(store, sight(invoice('in_2'), numbered('ZZZZ-9999'), { at: at(2) }))
  expect(await orderOf('86')).toBe('in_2')
})

it('an id comes before a number', async () => {
  await apply(store, sight(invoice('in_1'), numbered('IN_2')), sight(invoice('in_2'), numbered('7')))
  await apply(store, sight(task('84'), ofOrder('in_2')), sight(task('85'), ofOrder('7')))
  expect([await orderOf('84'), await orderOf('85')]).toEqual(['in_2', 'in_2'])
})

it('a number that several bear is listed, and what was found by it stays', async () => {
  await apply(store, sight(invoice('in_1'), numbered('7')), sight(task('84'), ofOrder('7')))
  await apply(store, sight(invoice('in_2'), numbered('7')), sight(task('85'), ofOrder('7')))
  expect([await orderOf('84'), await orderOf('85'), await listed()]).toEqual([
    'in_1',
    null,
    ['84 Order AMBIGUOUS_NUMBER in_1 [in_1,in_2]', '85 Order AMBIGUOUS_NUMBER - [in_1,in_2]'],
  ])
  await apply(store, sight(invoice('in_1'), numbered('8')))
  expect([await orderOf('84'), await orderOf('85'), await listed()]).toEqual([
    'in_1',
    'in_2',
    ['84 Order CONTRADICTED in_1 [in_2]'],
  ])
  await apply(store, sight(task('84'), ofOrder('8')))
  expect([await orderOf('84'), await listed()]).toEqual(['in_1', []])
})
