import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { applyName, mentioning, renamedAtOnce } from '../../../gateway/changes/rename.ts'
import { mentionedBeside, shownOtherwise } from '../../../gateway/links/mentions.ts'
import type { Store } from '../../../gateway/store/store.ts'
import type { Change } from '../../../schema/change.ts'
import type { Mention } from '../../../subgraphs/contract.ts'
import { absence, apply, at, catalogue, clear, contact, now, openTestStore, sight, task } from '../links/fixture.ts'

let store: Store
beforeAll(async () => {
  store = await openTestStore()
})
beforeEach(() => clear(store))
afterAll(() => store.close())

const section = (id: string) => ({ system: 'asana', kind: 'section', id })
const user = (id: string) => ({ system: 'asana', kind: 'user', id })
const inSection = (id: string, name?: string): Mention => ({ record: section(id), ...(name !== undefined && { name }) })

function rename(record: Mention['record'], name: string): Promise<readonly Change[]> {
  return store.write(tx => applyName(tx, catalogue, { record, name }, at(500), now))
}

const statusOf = async (id: string) =>
  (
    await store.read(db =>
      db.selectFrom('records').select('status').where('record_id', '=', id).where('kind', '=', 'task').execute(),
    )
  )[0]?.status

const otherwise = async (record: Mention['record'], name: string, isChanges = false) =>
  (await store.read(db => shownOtherwise(db, { records: [{ record, name }], isChanges }))).length === 1

describe('a record whose name others show', () => {
  it('is shown by all of them under its new name, each told once, from the status before to the one after', async () => {
    await apply(
      store,
      sight(task('1'), { status: 'Scheduled', mentions: [inSection('10', 'Scheduled')] }),
      sight(task('2'), { status: 'Done', mentions: [inSection('11', 'Done')] }),
      sight(task('3'), { status: 'Scheduled', mentions: [inSection('10', 'Scheduled')] }),
    )
    const changes = await rename(section('10'), 'Booked in')
    expect(changes).toMatchObject(
      ['1', '3'].map(id => ({
        kind: 'UPDATED',
        record: task(id),
        entity: { type: 'Job', id },
        fields: ['status'],
        statusBefore: 'Scheduled',
        statusAfter: 'Booked in',
        at: at(500),
      })),
    )
    expect([await statusOf('1'), await statusOf('2'), await statusOf('3')]).toEqual(['Booked in', 'Done', 'Booked in'])
    expect(await rename(section('10'), 'Booked in')).toEqual([])
  })

  it('keeps the index as it is where its name is no status', async () => {
    await apply(store, sight(task('1'), { status: 'Done', mentions: [{ record: user('7'), name: 'Sam' }] }))
    expect(await rename(user('7'), 'Samuel')).toMatchObject([
      { fields: ['assignee'], statusBefore: 'Done', statusAfter: 'Done' },
    ])
    expect(await statusOf('1')).toBe('Done')
  })

  it('is brought to thousands in pieces that can be ended and gone on with', async () => {
    const count = renamedAtOnce + 50
    const ids = Array.from({ length: count }, (_, index) => String(index + 1))
    await apply(store, ...ids.map(id => sight(task(id), { status: 'A', mentions: [inSection('10', 'A')] })))
    const first = await rename(section('10'), 'B')
    const second = await rename(section('10'), 'B')
    expect([first.length, second.length, (await rename(section('10'), 'B')).length]).toEqual([renamedAtOnce, 50, 0])
    expect(new Set([...first, ...second].map(({ record }) => record.id)).size).toBe(count)
    const some = await store.read(db => mentioning(db, section('10'), 0))
    expect(some).toHaveLength(renamedAtOnce)
    expect(await store.read(db => mentioning(db, section('10'), some.at(-1)?.row ?? 0))).toHaveLength(50)
  })

  it('is looked for by sweeps where some record shows another name, or may show one', async () => {
    await apply(
      store,
      sight(task('1'), { mentions: [inSection('10', 'Scheduled')] }),
      sight(task('2'), { mentions: [inSection('11')] }),
    )
    expect(await otherwise(section('10'), 'Scheduled')).toBe(false)
    expect(await otherwise(section('10'), 'Booked in')).toBe(true)
    expect(await otherwise(section('11'), 'Whatever')).toBe(false)
    expect(await otherwise(section('11'), 'Whatever', true)).toBe(true)
    expect(await otherwise(section('12'), 'Unknown', true)).toBe(false)
    const beside = (listed: readonly string[]) =>
      store.read(db => mentionedBeside(db, 'asana', 'section', new Set(listed)))
    expect(await beside(['10', '11', '12'])).toEqual([])
    expect(await beside(['10'])).toEqual([section('11')])
    expect(await beside([])).toEqual([section('10'), section('11')])
  })
})

describe('a record that shows a name', () => {
  it('that is read for another reason tells of the new name too, once', async () => {
    const seen = (name: string) => ({ updatedAt: at(5), status: 'Open', mentions: [{ record: user('7'), name }] })
    await apply(store, sight(task('1'), seen('Sam'), { fields: ['title'] }))
    expect(await apply(store, sight(task('1'), seen('Sam'), { fields: ['title'] }))).toEqual([])
    expect(await apply(store, sight(task('1'), seen('Samuel'), { fields: ['title'] }))).toMatchObject([
      { fields: ['assignee'] },
    ])
    expect(await otherwise(user('7'), 'Samuel')).toBe(false)
    expect(await rename(user('7'), 'Samuel')).toEqual([])
  })

  it('and does not hold it keeps what was known of it', async () => {
    await apply(store, sight(task('1'), { mentions: [inSection('10', 'A')] }))
    await apply(store, sight(task('1'), { status: 'B', mentions: [inSection('10')] }))
    expect(await otherwise(section('10'), 'A')).toBe(false)
    expect(await otherwise(section('10'), 'B')).toBe(true)
  })

  it('mentions nothing any more once it is gone or shows another', async () => {
    await apply(
      store,
      sight(task('1'), { mentions: [inSection('10', 'A')] }),
      sight(task('2'), { mentions: [inSection('10', 'A')] }),
    )
    await apply(store, absence(task('1')), sight(task('2'), { mentions: [inSection('11', 'C')] }))
    expect(await rename(section('10'), 'B')).toEqual([])
    expect(await rename(section('11'), 'D')).toHaveLength(1)
  })

  it('is no entity of its own', async () => {
    await expect(rename(contact('1'), 'Ada')).rejects.toThrow('declared as mentioned')
  })
})
