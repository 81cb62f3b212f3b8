import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { appendChanges } from '../../gateway/changes/log.ts'
import { claimDue } from '../../gateway/store/deliveries.ts'
import { storeReceived } from '../../gateway/store/received.ts'
import { type OpenStore, type Store, StoreError } from '../../gateway/store/store.ts'
import type { NewChange } from '../../schema/change.ts'

const now = new Date('2026-03-01T12:00:00Z')

const change: NewChange = {
  kind: 'UPDATED',
  record: { system: 'stripe', kind: 'invoice', id: 'in_1' },
  entity: null,
  fields: [],
  parentsBefore: [],
  parentsAfter: [],
  statusBefore: null,
  statusAfter: null,
  at: now,
}

function note(store: Store, name: string, value = ''): Promise<unknown> {
  return store.write(tx => tx.insertInto('meta').values({ name, value }).execute())
}

async function notes(store: Store): Promise<string[]> {
  const rows = await store.read(db => db.selectFrom('meta').select('name').orderBy('name').execute())
  return rows.map(row => row.name).filter(name => name !== 'version' && name !== 'migrated_at')
}

/**
 * What every store promises, whatever it is kept in.
 * @param open a store of its own with nothing in it, closed when the test ends
 */
export function storeContract(open: () => Promise<OpenStore>): void {
  test('texts that no database takes as they are come back as they were written, and no two of them are one', async () => {
    const store = await open()
    const texts = [
      'a\ud83d',
      'a\ud83e',
      'a\udc00',
      'a\ufffd',
      'a\0',
      'a',
      'a\ufdd0d83d',
      'a\ufdd0',
      '🦊',
      '\udd8a\ud83e',
    ]
    for (const text of texts) await note(store, text, text)
    for (const text of texts) {
      const rows = await store.read(db => db.selectFrom('meta').selectAll().where('name', '=', text).execute())
      expect(rows).toEqual([{ name: text, value: text }])
    }
    expect(new Set(await notes(store))).toEqual(new Set(texts))
  })

  test('values come back as they were written: text, numbers, null and bytes', async () => {
    const store = await open()
    const row = { system: 's', endpoint: '', url: 'ü 🦊', headers: '{"a":1}', received_at: 1_795_539_210_971 }
    await store.write(async tx => {
      await tx
        .insertInto('received')
        .values({ ...row, body: Buffer.from([0, 92, 255]) })
        .execute()
      await tx
        .insertInto('received')
        .values({ ...row, received_at: -5, body: null })
        .execute()
    })
    const rows = await store.read(db => db.selectFrom('received').selectAll().orderBy('id').execute())
    expect(rows).toEqual([
      { id: 1, ...row, body: new Uint8Array([0, 92, 255]) },
      { id: 2, ...row, received_at: -5, body: null },
    ])
  })

  test('counts, sums and limits are numbers, and text is ordered by its bytes', async () => {
    const store = await open()
    for (const name of ['b', 'B', 'ä', 'a_', 'a-', '']) await note(store, name)
    expect(await notes(store)).toEqual(['', 'B', 'a-', 'a_', 'b', 'ä'])
    const row = await store.read(db =>
      db
        .selectFrom('meta')
        .select(({ fn }) => [fn.countAll<number>().as('count'), fn.max('name').as('last')])
        .where('name', '<', 'c')
        .executeTakeFirst(),
    )
    expect(row).toEqual({ count: 5, last: 'b' })
  })

  test('a value that SQL does not know is an error, and the store goes on', async () => {
    const store = await open()
    await expect(store.read(db => sql`select ${new Date()}`.execute(db))).rejects.toThrow(TypeError)
    const wrong = store.read(db => sql`select nonsense from nowhere`.execute(db))
    await expect(wrong).rejects.not.toBeInstanceOf(StoreError)
    const hopeless = { system: 's', endpoint: '', url: '', headers: '', body: null, received_at: Number.NaN }
    const writing = store.write(tx => tx.insertInto('received').values(hopeless).execute())
    await expect(writing).rejects.not.toBeInstanceOf(StoreError)
    await note(store, 'on')
    expect(await notes(store)).toEqual(['on'])
  })

  test('a write that throws leaves nothing behind, and the next one goes on', async () => {
    const store = await open()
    for (const isSerial of [true, false]) {
      const failing = store.write(
        async tx => {
          await tx.insertInto('meta').values({ name: 'lost', value: '' }).execute()
          throw new RangeError('work failed')
        },
        { isSerial },
      )
      await expect(failing).rejects.toThrow(RangeError)
    }
    await note(store, 'kept')
    await expect(note(store, 'kept')).rejects.toThrow(/unique/i)
    expect(await notes(store)).toEqual(['kept'])
  })

  test('writes are serialised: each sees all of the one before', async () => {
    const store = await open()
    await note(store, 'word')
    const add = (letter: string): Promise<void> =>
      store.write(async tx => {
        const { value } = await tx
          .selectFrom('meta')
          .select('value')
          .where('name', '=', 'word')
          .executeTakeFirstOrThrow()
        await tx
          .updateTable('meta')
          .set({ value: value + letter })
          .where('name', '=', 'word')
          .execute()
      })
    await Promise.all(Array.from('abcdefghij', add))
    const row = await store.read(db => db.selectFrom('meta').selectAll().where('name', '=', 'word').executeTakeFirst())
    expect(row?.value).toBe('abcdefghij')
  })

  test('order of sequence is order of commit, without a hole, whatever is rolled back between', async () => {
    const store = await open()
    const committed: number[] = []
    await Promise.allSettled(
      Array.from({ length: 20 }, async (_, at) => {
        const [appended] = await store.write(async tx => {
          const changes = await appendChanges(tx, [change, change], now)
          if (at % 3 === 0) throw new Error('rolled back')
          return changes
        })
        committed.push(appended?.sequence ?? 0)
      }),
    )
    expect(committed).toEqual(Array.from({ length: 13 }, (_, at) => at * 2 + 1))
  })

  test('a read never sees what is not committed', async () => {
    const store = await open()
    const seen: Promise<string[]>[] = []
    const writing = store.write(async tx => {
      await tx.insertInto('meta').values({ name: 'lost', value: '' }).execute()
      // Not waited for: in memory it waits for this write to end.
      seen.push(notes(store))
      throw new Error('not committed')
    })
    await expect(writing).rejects.toThrow('not committed')
    expect(await Promise.all(seen)).toEqual([[]])
  })

  test('several who claim at once get different entries, and together all of them', async () => {
    const store = await open()
    const entries = Array.from({ length: 50 }, (_, key) => ({ key: `${key}`, hints: [] }))
    const request = {
      system: 's',
      endpoint: '',
      url: '',
      headers: {},
      body: new Uint8Array(),
      receivedAt: now,
      entries,
    }
    await storeReceived(store, request, 60_000, null)
    const claim = (worker: string) => claimDue(store, worker, 20, 60_000, now)
    const claims = await Promise.all(['a', 'b', 'c', 'd'].map(claim))
    claims.push(await claim('e'), await claim('f'))
    const keys = claims.flat().map(entry => entry.key)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toHaveLength(50)
  })

  test('after close everything is refused as closed, and what was asked before is done', async () => {
    const store = await open()
    const done: string[] = []
    const writes = ['a', 'b', 'c'].map(async name => {
      await note(store, name)
      done.push(name)
    })
    const read = notes(store)
    await Promise.all([store.close(), store.close()])
    await Promise.all([...writes, read])
    expect(done.sort()).toEqual(['a', 'b', 'c'])
    for (const late of [note(store, 'd'), notes(store)]) {
      await expect(late).rejects.toBeInstanceOf(StoreError)
      await expect(late).rejects.toMatchObject({ kind: 'closed' })
    }
  })

  test('its clock tells the time', async () => {
    const store = await open()
    const first = store.clock.now().getTime()
    await notes(store)
    expect(store.clock.now().getTime()).toBeGreaterThanOrEqual(first)
  })
}
