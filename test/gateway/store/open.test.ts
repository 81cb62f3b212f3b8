import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { openStore } from '../../../gateway/store/open.ts'
import { type Store, StoreError } from '../../../gateway/store/store.ts'
import { openMemoryStore, temporaryDirectory } from './open-for-test.ts'
import { fixedClock, quiet } from './ports.ts'

const ports = { log: quiet, clock: fixedClock }

async function openFile(path: string): Promise<Store> {
  const store = await openStore(`sqlite:${path}`, ports)
  onTestFinished(() => store.close())
  return store
}

function note(store: Store, name: string): Promise<unknown> {
  return store.write(tx => tx.insertInto('meta').values({ name, value: '' }).execute())
}

async function notes(store: Store): Promise<string[]> {
  const rows = await store.read(db => db.selectFrom('meta').select('name').orderBy('name').execute())
  return rows.map(row => row.name).filter(name => name !== 'version' && name !== 'migrated_at')
}

test('what was written is there after closing and opening again, and the directory is made', async () => {
  const path = join(temporaryDirectory(), 'new', 'graph.db')
  const first = await openStore(`sqlite:${path}`, ports)
  await note(first, 'a')
  await first.close()
  expect(readdirSync(join(path, '..')).sort()).toEqual(['graph.db', 'graph.db.lock'])
  expect(await notes(await openFile(path))).toEqual(['a'])
  // It holds the secrets of webhooks.
  for (const name of readdirSync(join(path, '..')))
    expect([name, statSync(join(path, '..', name)).mode & 0o077]).toEqual([name, 0])
})

test('a URL of another kind is refused without repeating it', async () => {
  await expect(openStore('mysql://user:secret@host/db', ports)).rejects.toThrow(
    "the store's URL must be sqlite:<file>, for example sqlite:.data/graph.db, or postgres://…; it has mysql:",
  )
  await expect(openStore('graph.db', ports)).rejects.toThrow('it has no scheme')
})

test('a file that is no database is refused as unavailable', async () => {
  const path = join(temporaryDirectory(), 'graph.db')
  writeFileSync(path, 'no database at all '.repeat(100))
  await expect(openFile(path)).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
})

test('values come back as they were written: text, numbers, null and bytes', async () => {
  const store = await openMemoryStore()
  const row = { system: 's', endpoint: '', url: 'ü', headers: '{}', received_at: 1_795_539_210_971 }
  await store.write(tx =>
    tx
      .insertInto('received')
      .values([
        { ...row, body: Buffer.from([0, 255]) },
        { ...row, body: null },
      ])
      .execute(),
  )
  const rows = await store.read(db => db.selectFrom('received').selectAll().orderBy('id').execute())
  expect(rows).toEqual([
    { id: 1, ...row, body: new Uint8Array([0, 255]) },
    { id: 2, ...row, body: null },
  ])
  const { rows: bound } = await store.read(db =>
    sql`select typeof(${1}) as whole, typeof(${1.5}) as part, ${true} as yes`.execute(db),
  )
  expect(bound).toEqual([{ whole: 'integer', part: 'real', yes: 1 }])
})

test('a value that SQL does not know is an error, not the end of the process', async () => {
  const store = await openMemoryStore()
  await expect(store.read(db => sql`select ${new Date()}`.execute(db))).rejects.toThrow(TypeError)
  await expect(store.read(db => sql`select nonsense from nowhere`.execute(db))).rejects.toThrow('no such table')
  expect(await notes(store)).toEqual([])
})

test('a write that throws leaves nothing behind, and the next one goes on', async () => {
  const store = await openFile(join(temporaryDirectory(), 'graph.db'))
  const failing = store.write(async tx => {
    await tx.insertInto('meta').values({ name: 'lost', value: '' }).execute()
    throw new RangeError('work failed')
  })
  await expect(failing).rejects.toThrow(RangeError)
  await expect(store.write(tx => sql`insert into meta values ('version', 'again')`.execute(tx))).rejects.toThrow(
    'UNIQUE',
  )
  await note(store, 'kept')
  expect(await notes(store)).toEqual(['kept'])
})

test.each(['memory', 'file'])('writes are serialised: each sees all of the one before (%s)', async where => {
  const store = where === 'memory' ? await openMemoryStore() : await openFile(join(temporaryDirectory(), 'graph.db'))
  await note(store, '')
  const add = (letter: string): Promise<void> =>
    store.write(async tx => {
      const { value } = await tx.selectFrom('meta').select('value').where('name', '=', '').executeTakeFirstOrThrow()
      await tx
        .updateTable('meta')
        .set({ value: value + letter })
        .where('name', '=', '')
        .execute()
    })
  await Promise.all(Array.from('abcdefghij', add))
  const row = await store.read(db => db.selectFrom('meta').selectAll().where('name', '=', '').executeTakeFirst())
  expect(row?.value).toBe('abcdefghij')
})

test.each(['memory', 'file'])('a read never sees what is not committed (%s)', async where => {
  const store = where === 'memory' ? await openMemoryStore() : await openFile(join(temporaryDirectory(), 'graph.db'))
  const seen: Promise<string[]>[] = []
  await expect(
    store.write(async tx => {
      await tx.insertInto('meta').values({ name: 'lost', value: '' }).execute()
      const read = notes(store)
      // In memory the read waits for this write to end.
      if (where === 'file') await read
      seen.push(read)
      throw new Error('not committed')
    }),
  ).rejects.toThrow('not committed')
  expect(await Promise.all(seen)).toEqual([[]])
})

test('the reader of a file writes nothing', async () => {
  const store = await openFile(join(temporaryDirectory(), 'graph.db'))
  await expect(
    store.read(db => db.insertInto('meta').values({ name: 'x', value: '' }).execute()),
  ).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(store.read(db => db.transaction().execute(async () => {}))).rejects.toThrow('use `write`')
})

test('a disk that is full is said so, the transaction is gone, and reads go on', async () => {
  const store = await openFile(join(temporaryDirectory(), 'graph.db'))
  await note(store, 'before')
  const writing = store.write(async tx => {
    await sql`pragma max_page_count = 10`.execute(tx)
    for (let row = 0; row < 200; row++)
      await tx
        .insertInto('meta')
        .values({ name: `row ${row}`, value: 'x'.repeat(4_000) })
        .execute()
  })
  await expect(writing).rejects.toMatchObject({ name: 'StoreError', kind: 'full' })
  expect(await notes(store)).toEqual(['before'])
})

test('after close everything is refused as closed, and what was asked before is done', async () => {
  const path = join(temporaryDirectory(), 'graph.db')
  const store = await openStore(`sqlite:${path}`, ports)
  const writes = Promise.all(['a', 'b', 'c'].map(name => note(store, name)))
  await Promise.all([store.close(), store.close()])
  await writes
  for (const late of [note(store, 'd'), notes(store)]) {
    await expect(late).rejects.toBeInstanceOf(StoreError)
    await expect(late).rejects.toMatchObject({ kind: 'closed' })
  }
  expect(await notes(await openFile(path))).toEqual(['a', 'b', 'c'])
})

test('a second opening in the same process is refused, through a link as well', async () => {
  const directory = temporaryDirectory()
  const path = join(directory, 'graph.db')
  const store = await openFile(path)
  symlinkSync(path, join(directory, 'link.db'))
  for (const name of ['graph.db', 'link.db'])
    await expect(openFile(join(directory, name))).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('another process holds'),
    })
  await note(store, 'unharmed')
  expect(await notes(store)).toEqual(['unharmed'])
})

test('once its file was removed or replaced nothing counts as written: it would be lost with the process', async () => {
  const path = join(temporaryDirectory(), 'graph.db')
  const store = await openFile(path)
  await note(store, 'kept')
  renameSync(path, `${path}.moved`)
  await expect(note(store, 'lost')).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringContaining('moved or removed'),
  })
  writeFileSync(path, '')
  await expect(note(store, 'lost')).rejects.toMatchObject({ kind: 'unavailable' })
  rmSync(path)
  renameSync(`${path}.moved`, path)
  await note(store, 'again')
  expect(await notes(store)).toEqual(['again', 'kept'])
})

test('a second process is refused while the first lives, and let in when it was killed', async () => {
  const path = join(temporaryDirectory(), 'graph.db')
  const holder = fileURLToPath(new URL('./holder.ts', import.meta.url))
  const child = spawn(process.execPath, ['--import', 'tsx', holder, `sqlite:${path}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const [said] = await once(child.stdout, 'data')
  expect(String(said)).toBe('held\n')
  await expect(openFile(path)).rejects.toMatchObject({ name: 'StoreError', kind: 'unavailable' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(await notes(await openFile(path))).toEqual(['held'])
})
