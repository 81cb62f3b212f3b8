import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Observation } from '../../../gateway/changes/observe.ts'
import { Overtaken, refuseOvertaken } from '../../../gateway/changes/overtaken.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { absence, apply, at, clear, contact, invoice, openTestStore, sight } from '../links/fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const refuse = (...observations: Observation[]) => store.write(tx => refuseOvertaken(tx, observations))

test('what was read before a Change of the record is refused, and what was read after it is not', async () => {
  await apply(store, sight(invoice('in_1')), sight(invoice('in_2')))
  const read = (readAfter: number) => sight(invoice('in_1'), {}, { readAfter })
  await expect(refuse(sight(invoice('in_2'), {}, { readAfter: 2 }), read(0))).rejects.toThrow(Overtaken)
  await refuse(read(1))
  await refuse(sight(invoice('in_1'), {}, { readAfter: undefined }))
  await expect(refuse(absence(invoice('in_1'), { readAfter: 0 }))).rejects.toThrow('in_1 was read before Change 1')
})

test('a Change of another record, or of one with the same id elsewhere, overtakes nothing', async () => {
  await apply(store, sight(contact('in_1')), sight(invoice('in_2')))
  await refuse(sight(invoice('in_1'), {}, { readAfter: 0 }))
})

test('a reading with its vendor’s version needs no such care', async () => {
  await apply(store, sight(invoice('in_1')))
  await refuse(sight(invoice('in_1'), { updatedAt: at(5) }, { readAfter: 0 }))
})
