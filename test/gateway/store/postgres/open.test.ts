import { sql } from 'kysely'
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { appendChanges } from '../../../../gateway/changes/log.ts'
import { openStore } from '../../../../gateway/store/open.ts'
import { storeReceived } from '../../../../gateway/store/received.ts'
import type { OpenStore } from '../../../../gateway/store/store.ts'
import type { NewChange } from '../../../../schema/change.ts'
import { createDatabase, type Database } from '../../../postgres/database.ts'
import { password } from '../../../postgres/server.ts'
import { fixedClock, quiet } from '../ports.ts'

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

async function database(): Promise<Database> {
  const made = await createDatabase()
  onTestFinished(() => made.drop())
  return made
}

async function open(url: string, connections = 4): Promise<OpenStore> {
  const store = await openStore(url, { log: quiet, clock: fixedClock, connections })
  onTestFinished(() => store.close())
  return store
}

async function two(connections = 4): Promise<{ at: Database; one: OpenStore; other: OpenStore }> {
  const at = await database()
  return { at, one: await open(at.url, connections), other: await open(at.url, connections) }
}

const receive = (store: OpenStore, ...keys: string[]) =>
  storeReceived(
    store,
    {
      system: 'stripe',
      endpoint: '',
      url: '',
      headers: {},
      body: new Uint8Array([1]),
      receivedAt: now,
      entries: keys.map(key => ({ key, hints: [] })),
    },
    1_000,
    'worker',
  )

/** Opens by itself when the test ends. */
function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = (): void => undefined
  const passed = new Promise<void>(resolve => (open = resolve))
  onTestFinished(() => open())
  return { passed, open }
}

test('among processes order of sequence is order of commit, without holes', async () => {
  const { one, other } = await two()
  const committed: number[] = []
  await Promise.all(
    Array.from({ length: 40 }, async (_, at) => {
      const [appended] = await (at % 2 === 0 ? one : other).write(tx => appendChanges(tx, [change], now))
      committed.push(appended?.sequence ?? 0)
    }),
  )
  expect([...committed].sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, at) => at + 1))
})

test('a write that appends waits for that of another process; storing a webhook waits for neither', async () => {
  const { one, other } = await two()
  const { passed, open: end } = gate()
  const order: string[] = []
  const first = one.write(async tx => {
    await appendChanges(tx, [change], now)
    await passed
    order.push('first')
  })
  await vi.waitFor(async () => {
    const locks = await other.read(db =>
      sql`select 1 from pg_locks where locktype = 'advisory' and granted`.execute(db),
    )
    expect(locks.rows.length).toBeGreaterThan(0)
  }, 20_000)
  const second = other.write(async tx => {
    order.push('second')
    await appendChanges(tx, [change], now)
  })
  await receive(one, 'a')
  await receive(other, 'a', 'b')
  order.push('stored')
  end()
  await Promise.all([first, second])
  expect(order).toEqual(['stored', 'first', 'second'])
})

test('the same keys stored by several processes at once, in whatever order, are stored once', async () => {
  const { one, other } = await two()
  const keys = Array.from({ length: 300 }, (_, at) => `key ${at}`)
  const stored = await Promise.all(
    [one, other, one, other].flatMap(store => [receive(store, ...keys), receive(store, ...[...keys].reverse())]),
  )
  expect(stored.reduce((sum, { entries }) => sum + entries.length, 0)).toBe(300)
})

describe('a store that cannot be used', () => {
  test('because all connections are taken says so in time, and is used again afterwards', async () => {
    const { url } = await database()
    const store = await open(url, 2)
    const { passed, open: end } = gate()
    const holding = store.write(() => passed, { isSerial: false })
    await expect(receive(store, 'a')).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
    end()
    await holding
    expect((await receive(store, 'a')).entries).toHaveLength(1)
  })

  test('because its connections were cut off is used again at once, and no fault ends the process', async () => {
    const at = await database()
    const store = await open(at.url)
    const cut = () =>
      at.run(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'livegraph' and datname = current_database()`,
      )
    const { passed, open: end } = gate()
    const begun = gate()
    const cutOff = expect(
      store.write(async tx => {
        await appendChanges(tx, [change], now)
        begun.open()
        await passed
      }),
    ).rejects.toMatchObject({ kind: 'unavailable' })
    await begun.passed
    await cut()
    end()
    await cutOff
    const [appended] = await store.write(tx => appendChanges(tx, [change], now))
    expect(appended?.sequence).toBe(1)
    await cut()
    await vi.waitFor(() => receive(store, 'a'), 20_000)
  })

  test('is refused when it is opened, without its password', async () => {
    const base = inject('postgresUrl')
    const { port } = new URL(base)
    for (const url of [
      `${base}no_such_database`,
      `postgres://me:${password}@127.0.0.1:1/graph`,
      `postgres://me:${password}@127.0.0.1:${port}/graph`,
      `postgres://me:${password}@127.0.0.1:none/graph`,
    ]) {
      const opening = openStore(url, { log: quiet, clock: fixedClock })
      await expect(opening).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
      await expect(opening).rejects.not.toThrow(password)
    }
  })

  test('because it takes no writes says so', async () => {
    const { url } = await database()
    const store = await open(url)
    const readOnly = store.write(async tx => {
      await sql`set transaction read only`.execute(tx)
      await appendChanges(tx, [change], now)
    })
    await expect(readOnly).rejects.toMatchObject({ kind: 'unavailable' })
    await expect(
      store.read(db => db.insertInto('meta').values({ name: 'x', value: '' }).execute()),
    ).rejects.toMatchObject({ kind: 'unavailable' })
  })
})

test('a process that was stopped within a transaction does not hold up the others for ever', async () => {
  const { one, other } = await two()
  const { passed, open: end } = gate()
  const begun = gate()
  const stopped = expect(
    one.write(async tx => {
      await appendChanges(tx, [change], now)
      begun.open()
      await passed
      await appendChanges(tx, [change], now)
    }),
  ).rejects.toMatchObject({ kind: 'unavailable' })
  await begun.passed
  const [appended] = await vi.waitFor(() => other.write(tx => appendChanges(tx, [change], now)), { timeout: 15_000 })
  expect(appended?.sequence).toBe(1)
  end()
  await stopped
})

test('two transactions that wait for each other are both done', async () => {
  const { one, other } = await two()
  await one.write(tx =>
    tx
      .insertInto('meta')
      .values([
        { name: 'a', value: '' },
        { name: 'b', value: '' },
      ])
      .execute(),
  )
  const met = [gate(), gate()] as const
  const touch = (store: OpenStore, mine: 0 | 1, names: readonly string[]) =>
    store.write(
      async tx => {
        for (const name of names) {
          await tx.updateTable('meta').set({ value: 'touched' }).where('name', '=', name).execute()
          met[mine].open()
          await met[mine === 0 ? 1 : 0].passed
        }
      },
      { isSerial: false },
    )
  await Promise.all([touch(one, 0, ['a', 'b']), touch(other, 1, ['b', 'a'])])
  const rows = await one.read(db => db.selectFrom('meta').select('value').where('name', 'in', ['a', 'b']).execute())
  expect(rows.map(({ value }) => value)).toEqual(['touched', 'touched'])
})

test('an empty database that many open at once is made ready by one of them', async () => {
  const at = await database()
  await at.run('drop schema public cascade; create schema public')
  const stores = await Promise.all(Array.from({ length: 5 }, () => open(at.url, 2)))
  await Promise.all(stores.map((store, index) => receive(store, `${index}`)))
  const [row] = await at.run(`select count(*)::int as stored from received`)
  expect(row).toEqual({ stored: 5 })
})

describe('signals', () => {
  test('wake the other processes and not the sender, and go on after the connection that listens was cut off', async () => {
    const { at, one, other } = await two()
    const heard: string[] = []
    one.signals?.on('changes', () => heard.push('one'))
    const end = other.signals?.on('changes', () => heard.push('other')) ?? (() => undefined)
    const woken = () =>
      vi.waitFor(() => {
        one.signals?.send('changes')
        expect(heard).toContain('other')
      }, 20_000)
    await woken()
    for (let round = 0; round < 3; round++) {
      await at.run(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'livegraph listen' and datname = current_database()`,
      )
      heard.length = 0
      await woken()
    }
    end()
    heard.length = 0
    other.signals?.send('changes')
    // Its own connection may be made again at this moment, which wakes it too.
    await vi.waitFor(() => expect([...new Set(heard)]).toEqual(['one']), 20_000)
  })

  test('are one when many are sent at once', async () => {
    const { one, other } = await two()
    let heard = 0
    other.signals?.on('deliveries', () => (heard += 1))
    await vi.waitFor(() => {
      one.signals?.send('deliveries')
      expect(heard).toBeGreaterThan(0)
    }, 20_000)
    heard = 0
    for (let at = 0; at < 1_000; at++) one.signals?.send('deliveries')
    await vi.waitFor(() => expect(heard).toBeGreaterThan(0), 20_000)
    expect(heard).toBeLessThan(10)
  })
})

test('its clock is the database’s, whatever this machine’s says', async () => {
  const { url } = await database()
  const store = await open(url)
  const { rows } = await store.read(db =>
    sql<{ at: number }>`select extract(epoch from now()) * 1000 as at`.execute(db),
  )
  expect(Math.abs(store.clock.now().getTime() - (rows[0]?.at ?? 0))).toBeLessThan(2_000)
  expect(fixedClock.now()).toEqual(now)
})
