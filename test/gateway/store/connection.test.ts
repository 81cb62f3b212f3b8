import type * as threads from 'node:worker_threads'
import type { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { SqliteConnection } from '../../../gateway/store/connection.ts'

const started = vi.hoisted((): Worker[] => [])

vi.mock('node:worker_threads', async importOriginal => {
  const original = await importOriginal<typeof threads>()
  class RememberedWorker extends original.Worker {
    constructor(...options: ConstructorParameters<typeof Worker>) {
      super(...options)
      started.push(this)
    }
  }
  return { ...original, Worker: RememberedWorker }
})

async function open(onLost: (error: Error) => void = () => {}): Promise<SqliteConnection> {
  const connection = await SqliteConnection.open({ path: ':memory:', lockPath: null, isReader: false, onLost })
  onTestFinished(() => connection.close())
  return connection
}

test('statements are done in the order in which they were sent, those that fail alone', async () => {
  const connection = await open()
  const results = await Promise.allSettled([
    connection.query('create table t (a)', []),
    connection.query('insert into t values (?), (?)', [1, 2]),
    connection.query('insert into nowhere values (1)', []),
    connection.query('select a from t', []),
    connection.query('delete from t', []),
  ])
  expect(results).toMatchObject([
    { value: { rows: [] } },
    { value: { rows: [], changes: 2 } },
    { reason: { message: 'SQLite: no such table: nowhere' } },
    { value: { rows: [{ a: 1 }, { a: 2 }] } },
    { value: { rows: [], changes: 2 } },
  ])
})

test('a rollback without a transaction is none', async () => {
  const connection = await open()
  await connection.rollback()
  await connection.query('begin immediate', [])
  await connection.rollback()
  await connection.query('begin immediate', [])
  await connection.query('commit', [])
})

test('when its thread ends, what waits and what comes later is refused as unavailable, and it is said once', async () => {
  const lost: Error[] = []
  const connection = await open(error => lost.push(error))
  const endless =
    'with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) select max(i) from n'
  const waiting = expect(connection.query(endless, [])).rejects.toMatchObject({ kind: 'unavailable' })
  await started.at(-1)?.terminate()
  await waiting
  await expect(connection.query('select 1', [])).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
  await connection.close()
  expect(lost).toHaveLength(1)
})

test('a closed connection loses nothing and refuses what comes later', async () => {
  const lost: Error[] = []
  const connection = await open(error => lost.push(error))
  const asked = connection.query('select 1 as one', [])
  await Promise.all([connection.close(), connection.close()])
  expect(await asked).toMatchObject({ rows: [{ one: 1 }] })
  await expect(connection.query('select 1', [])).rejects.toMatchObject({ kind: 'closed' })
  expect(lost).toEqual([])
})
