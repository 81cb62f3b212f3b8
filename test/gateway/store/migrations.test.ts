import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { SqliteConnection } from '../../../gateway/store/connection.ts'
import { Turns, openKysely } from '../../../gateway/store/dialect.ts'
import { migrate, migrations } from '../../../gateway/store/migrations.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { temporaryDirectory } from './open-for-test.ts'
import { fixedClock, quiet } from './ports.ts'

const ports = { log: quiet, clock: fixedClock }

async function openEmpty(): Promise<ReturnType<typeof openKysely>> {
  const connection = await SqliteConnection.open({
    path: ':memory:',
    lockPath: null,
    isReader: false,
    onLost: () => {},
  })
  onTestFinished(() => connection.close())
  return openKysely(connection, new Turns())
}

async function versionOf(db: ReturnType<typeof openKysely>): Promise<string | undefined> {
  const row = await db.selectFrom('meta').select('value').where('name', '=', 'version').executeTakeFirst()
  return row?.value
}

test('the first step makes every table, and running again changes nothing', async () => {
  const db = await openEmpty()
  await migrate(db, migrations, ports)
  await migrate(db, migrations, ports)
  expect(await versionOf(db)).toBe(String(migrations.length))
  expect(await db.selectFrom('received').selectAll().execute()).toEqual([])
})

test('a store of an older version gets the steps it lacks', async () => {
  const db = await openEmpty()
  await migrate(db, [['create table one (a)']], ports)
  await migrate(db, [['create table one (a)'], ['create table two (b)', "insert into two values ('made')"]], ports)
  expect(await versionOf(db)).toBe('2')
  expect((await sql`select b from two`.execute(db)).rows).toEqual([{ b: 'made' }])
})

test('a step that fails leaves the version before it', async () => {
  const db = await openEmpty()
  const steps = [['create table one (a)'], ['create table two (b)', 'create table one (a)']]
  await expect(migrate(db, steps, ports)).rejects.toThrow('already exists')
  expect(await versionOf(db)).toBe('1')
  await expect(sql`select b from two`.execute(db)).rejects.toThrow('no such table')
})

test('a store of a newer version is refused, and says which versions are known', async () => {
  const path = join(temporaryDirectory(), 'graph.db')
  const store = await openStore(`sqlite:${path}`, ports)
  await store.write(tx => tx.updateTable('meta').set({ value: '99' }).where('name', '=', 'version').execute())
  await store.close()
  await expect(openStore(`sqlite:${path}`, ports)).rejects.toMatchObject({
    kind: 'unavailable',
    message: `the store has version 99 and this program knows versions up to ${migrations.length}: run the newer program`,
  })
})
