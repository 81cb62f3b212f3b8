import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { catchUpLinks } from '../../../gateway/links/catch-up.ts'
import { SqliteConnection } from '../../../gateway/store/connection.ts'
import { openKysely, Turns } from '../../../gateway/store/dialect.ts'
import { migrate, migrations } from '../../../gateway/store/migrations.ts'
import { openStore } from '../../../gateway/store/open.ts'
import { linksSchema } from '../../../gateway/store/schema-links.ts'
import { temporaryDirectory } from '../store/open-for-test.ts'
import { fixedClock, quiet } from '../store/ports.ts'
import { catalogue, indexOf, now } from './fixture.ts'

const ports = { log: quiet, clock: fixedClock }

test('a store of the version before is matched again by what counts now, and what was linked stays', async () => {
  const path = join(temporaryDirectory(), 'graph.db')
  const connection = await SqliteConnection.open({ path, lockPath: null, isReader: false, onLost: () => {} })
  const db = openKysely(connection, new Turns())
  await migrate(db, migrations.slice(0, migrations.indexOf(linksSchema)), ports)
  for (const statement of [
    `insert into records (id, system, kind, record_id, email, sort_at, is_deleted, seen_run) values
      (1, 'hubspot', 'contact', '1', 'info@müller.example', 0, 0, null),
      (2, 'hubspot', 'contact', '2', 'two@x.example', 0, 0, null),
      (3, 'hubspot', 'contact', '3', 'three@bücher.example', 0, 1, null),
      (4, 'stripe', 'customer', 'cus_1', 'info@xn--mller-kva.example', 0, 0, null),
      (5, 'stripe', 'customer', 'cus_2', 'gone@x.example', 0, 0, null),
      (6, 'stripe', 'customer', 'cus_3', 'three@xn--bcher-kva.example', 0, 0, null),
      (7, 'stripe', 'customer', 'cus_4', null, 0, 0, null),
      (8, 'stripe', 'invoice', 'in_1', 'two@x.example', 0, 0, null),
      (9, 'asana', 'task', '61', null, 0, 0, null),
      (10, 'asana', 'task', '62', null, 0, 0, null)`,
    `insert into links (system, kind, record_id, entity_type, entity_id, evidence, linked_at) values
      ('hubspot', 'contact', '3', 'Customer', '2', 'merged', 1),
      ('stripe', 'customer', 'cus_2', 'Customer', '2', 'email', 1)`,
    `insert into unlinked (system, kind, record_id, entity_type, reason, candidates, by_person, since) values
      ('stripe', 'customer', 'cus_1', 'Customer', 'BIRTH', '[]', 0, 1),
      ('stripe', 'customer', 'cus_3', 'Customer', 'BIRTH', '[]', 0, 1),
      ('stripe', 'customer', 'cus_4', 'Customer', 'BIRTH', '[]', 1, 1)`,
    `insert into parents (child, entity_type, entity_id, parent_system, parent_kind, parent_id, reference) values
      (8, 'Customer', null, 'stripe', 'customer', 'cus_gone', null),
      (9, 'Customer', null, null, null, null, 'info@müller.example'),
      (10, 'Order', null, null, null, null, 'in_9')`,
  ]) {
    await sql.raw(statement).execute(db)
  }
  await connection.close()

  const store = await openStore(`sqlite:${path}`, ports)
  onTestFinished(() => store.close())
  const told: string[] = []
  const catchUp = () =>
    catchUpLinks(
      store,
      catalogue,
      () => now,
      async work => {
        const changes = await store.write(work)
        told.push(...changes.map(({ kind, record, entity }) => `${kind} ${record.id} ${entity?.id}`))
      },
    )
  await catchUp()
  expect(told).toEqual(['LINKED cus_1 1', 'LINKED cus_3 2'])
  expect(await indexOf(store)).toMatchObject({
    links: [
      { record_id: '3', entity_id: '2' },
      { record_id: 'cus_1', entity_id: '1' },
      { record_id: 'cus_2', entity_id: '2' },
      { record_id: 'cus_3', entity_id: '2' },
    ],
    unlinked: [{ record_id: 'cus_4' }],
    parents: [
      { record_id: '61', entity_id: '1', reference: 'info@xn--mller-kva.example', fault: null },
      { record_id: '62', entity_id: null, fault: 'UNKNOWN_REFERENCE' },
      { record_id: 'in_1', entity_id: '2', fault: null },
    ],
  })
  await catchUp()
  expect(told).toHaveLength(2)
})
