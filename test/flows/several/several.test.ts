import { describe, expect, test, vi } from 'vitest'
import { createDatabase } from '../../postgres/database.ts'
import { post } from '../quiet-world.ts'
import { startWorld } from '../world.ts'
import { frameWith, sharedWorld, vendorOf, worked } from './shared-world.ts'

const changedPhones = 'subscription { customerChanged(id: "101") { change { kind cursor } customer { id phone } } }'

describe('a webhook at one process', () => {
  test.each(['hubspot', 'stripe', 'asana'])('of %s leaves no process with an older answer', async system => {
    const vendor = vendorOf(system)
    const { world } = await sharedWorld()
    const other = await world.join()
    await other.data(vendor.query(world))
    vendor.change(world, '+15550177')
    expect(JSON.stringify(await other.data(vendor.query(world)))).not.toContain('+15550177')
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    await world.gateway.processor.idle()
    const { follower } = world.gateway.runtime
    await other.gateway.runtime.follower.appliedThrough(follower.position)
    expect(JSON.stringify(await other.data(vendor.query(world)))).toContain('+15550177')
  })

  test('is pushed to the subscribers of another, with the value as it is now', async () => {
    const vendor = vendorOf('hubspot')
    const { world } = await sharedWorld()
    const other = await world.join()
    const frames = other.subscribe(changedPhones)
    expect(JSON.stringify(await frames.next())).toContain('CURRENT')
    let isWoken = false
    other.gateway.runtime.store.signals?.on('changes', () => (isWoken = true))
    vendor.change(world, '+15550188')
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    expect((await frameWith(frames, '+15550188')).at(-1)).toContain('UPDATED')
    // Rather than found by the poll of every second only.
    await vi.waitFor(() => expect(isWoken).toBe(true), 20_000)
  })
})

test('a mutation at one process is read and pushed at the other', async () => {
  const { world } = await sharedWorld()
  const other = await world.join()
  const frames = other.subscribe(changedPhones)
  await frames.next()
  await world.data('mutation { updateCustomer(input: { id: "101", phone: "+15550133" }) { customer { phone } } }')
  await frameWith(frames, '+15550133')
  expect(await other.data('{ customer(id: "101") { phone } }')).toEqual({ customer: { phone: '+15550133' } })
})

test('1,000 identical deliveries to four processes at once have one effect', async () => {
  const vendor = vendorOf('stripe')
  const { world } = await sharedWorld()
  const processes = [world, await world.join(), await world.join(), await world.join()]
  const before = await world.gateway.runtime.store.read(db => db.selectFrom('changes').select('sequence').execute())
  vendor.change(world, 'once')
  const signed = vendor.sign(world, vendor.body(world))
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, at) => post(processes[at % processes.length] ?? world, signed)),
  )
  expect(new Set(answers)).toEqual(new Set([200]))
  await worked(world)
  const { store } = world.gateway.runtime
  const keys = await store.read(db =>
    db.selectFrom('delivery_entries').select(['state', 'received_at']).where('system', '=', 'stripe').execute(),
  )
  const changes = await store.read(db =>
    db
      .selectFrom('changes')
      .select(['record_kind', 'kind'])
      .where('sequence', '>', before.at(-1)?.sequence ?? 0)
      .execute(),
  )
  expect(keys.filter(({ state }) => state !== 'done')).toEqual([])
  expect(changes).toEqual([{ record_kind: 'invoice', kind: 'UPDATED' }])
})

test('whoever listens is cut off again and again during changes, and nothing is missed', async () => {
  const vendor = vendorOf('hubspot')
  const { world, database } = await sharedWorld()
  const other = await world.join()
  const frames = other.subscribe(changedPhones)
  await frames.next()
  const seen: string[] = []
  for (let round = 0; round < 20; round++) {
    const phone = `+1555020${String(round).padStart(2, '0')}`
    await database.run(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'livegraph listen' and datname = current_database()`,
    )
    vendor.change(world, phone)
    expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
    seen.push(...(await frameWith(frames, phone)))
  }
  expect(seen).toHaveLength(20)
  const { position } = world.gateway.runtime.follower
  await other.gateway.runtime.follower.appliedThrough(position)
  expect(world.log.filter(({ level }) => level === 'error')).toEqual([])
})

describe('processes with roles', () => {
  test('share the work: web answers and stores, a worker works and answers nobody', async () => {
    const vendor = vendorOf('hubspot')
    const { world } = await sharedWorld()
    const web = await world.join({ ROLE: 'web' })
    await world.gateway.processor.stop()
    const worker = await world.join({ ROLE: 'worker' })
    expect((await fetch(`${worker.gateway.url}/graphql`, { method: 'POST' })).status).toBe(404)
    expect(await post(worker, vendor.sign(world, vendor.body(world)))).toBe(404)
    expect((await fetch(`${worker.gateway.url}/health/ready`)).status).toBe(200)

    const frames = web.subscribe(changedPhones)
    await frames.next()
    let isWoken = false
    worker.gateway.runtime.store.signals?.on('deliveries', () => (isWoken = true))
    vendor.change(world, '+15550144')
    expect(await post(web, vendor.sign(world, vendor.body(world)))).toBe(200)
    await frameWith(frames, '+15550144')
    expect(isWoken).toBe(true)
    const entries = await world.gateway.runtime.store.read(db =>
      db.selectFrom('delivery_entries').select(['state', 'attempts']).where('system', '=', 'hubspot').execute(),
    )
    expect(entries.at(-1)).toEqual({ state: 'done', attempts: 1 })
  })

  test(
    'what a process held that was killed is worked on by another when its lease is over',
    { timeout: 60_000 },
    async () => {
      const vendor = vendorOf('hubspot')
      const { world } = await sharedWorld()
      await world.gateway.processor.stop()
      // As a process does that is killed after it has claimed.
      vendor.change(world, '+15550155')
      expect(await post(world, vendor.sign(world, vendor.body(world)))).toBe(200)
      const { store } = world.gateway.runtime
      const held = await store.read(db =>
        db.selectFrom('delivery_entries').select('lease_by').where('state', '=', 'due').execute(),
      )
      expect(held).toEqual([{ lease_by: world.gateway.runtime.worker }])
      const other = await world.join()
      await worked(world, 30_000)
      expect(await other.data('{ customer(id: "101") { phone } }')).toEqual({ customer: { phone: '+15550155' } })
    },
  )
})

test('a handshake that one process waits for is answered by another', async () => {
  const { world, database } = await sharedWorld()
  const other = await world.join()
  // Without its secret the webhook is of no use, and is registered anew.
  await database.run('delete from webhook_secrets')
  const told: string[] = []
  // Asana calls the public address, which is the first process.
  expect(await other.gateway.connect('asana', line => told.push(line))).toBe('done')
  expect(told.join('\n')).toContain('registered the webhook')
  expect(await database.run('select count(*)::int as kept from webhook_secrets')).toEqual([{ kept: 1 }])
})

test('each system is imported by one process, and the others wait for it', async () => {
  const database = await createDatabase()
  const world = await startWorld({ storeUrl: database.url, waitsForImport: false })
  const other = await world.join()
  await Promise.all([world.gateway.importing.ended(), other.gateway.importing.ended()])
  const begun = world.log.filter(({ message }) => message === 'the import begins')
  const progress = await world.gateway.runtime.store.read(db =>
    db.selectFrom('import_progress').select(['state', 'run']).execute(),
  )
  expect(new Set(progress.map(({ state, run }) => `${state} ${run}`))).toEqual(new Set(['done 1']))
  expect(begun.length).toBeGreaterThanOrEqual(3)
  const imported = world.log.filter(({ message }) => message === 'a kind of record is imported')
  expect(imported).toHaveLength(progress.length)
  await vi.waitFor(
    async () => expect(JSON.stringify(await other.data('{ systems { isImported } }'))).not.toContain('false'),
    20_000,
  )
})

test('nothing of the database’s password is logged', async () => {
  const { world, database } = await sharedWorld()
  await database.run(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name like 'livegraph%' and datname = current_database() and pid <> pg_backend_pid()`,
  )
  await world.data('{ systems { system } }').catch(() => undefined)
  const text = JSON.stringify(world.log, (_, value: unknown) =>
    value instanceof Error ? `${value.message} ${String(value.stack)}` : value,
  )
  expect(text).not.toContain('canary-of-the-store')
})
