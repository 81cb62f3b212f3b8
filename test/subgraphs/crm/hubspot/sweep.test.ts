import { afterEach, expect, onTestFinished, test } from 'vitest'
import type { Hint, Sweeper } from '../../../../subgraphs/contract.ts'
import { startHubspot, type HubspotOptions } from '../../../simulators/hubspot/simulator.ts'
import { changedContacts } from '../../../../subgraphs/crm/hubspot/sweep.ts'
import { openHubspot } from './open.ts'

const start = new Date('2026-06-01T09:00:00.000Z')
let now = start
afterEach(() => {
  now = start
})

function minutesLater(minutes: number): Date {
  return new Date(start.getTime() + minutes * 60_000)
}

/** An account whose clock stands until it is moved, without a contact. */
async function account(options: HubspotOptions = {}) {
  const limits = { searchPerSecond: 1000 }
  const hubspot = await startHubspot({ seed: { contacts: [] }, clock: () => now, limits, ...options })
  const opened = openHubspot(hubspot.url)
  onTestFinished(async () => {
    opened.close()
    await hubspot.close()
  })
  const [contacts, archived] = opened.system.sweepers
  if (contacts === undefined || archived === undefined) throw new Error('expected two sweepers')
  return { hubspot, contacts, archived, opened }
}

/** All steps of one sweep. */
async function swept({ opened }: Awaited<ReturnType<typeof account>>, sweeper: Sweeper, cursor: string | null = null) {
  const shown: Hint[] = []
  let steps = 0
  for (;;) {
    const page = await sweeper.sweep(cursor, start, { ...opened.context.call, priority: 'background' })
    expect(page).toMatchObject({ news: [], isGap: false })
    shown.push(...page.shown)
    cursor = page.next
    steps += 1
    if (page.isDone) return { shown, cursor, steps, ids: shown.map(({ record }) => record.id) }
  }
}

test('contacts that were changed are told with the version the search shows, the longest ago first', async () => {
  const world = await account()
  const { hubspot, contacts } = world
  const [first, second] = [1, 2].map(number => {
    now = minutesLater(number)
    return hubspot.createContact({ email: `${number}@example.org` })
  })
  now = minutesLater(4)
  hubspot.updateContact(first?.id ?? '', { phone: '1' })
  const { shown, cursor } = await swept(world, contacts)
  const record = (id: string | undefined) => ({ system: 'hubspot', kind: 'contact', id })
  expect(shown).toEqual([
    { kind: 'UPDATED', record: record(second?.id), at: minutesLater(2), fields: [] },
    { kind: 'UPDATED', record: record(first?.id), at: minutesLater(4), fields: [] },
  ])
  // The next one reaches a minute back behind the newest: a search may see what is older only later.
  now = minutesLater(10)
  const third = hubspot.createContact({ email: '3@example.org' })
  expect((await swept(world, contacts, cursor)).ids).toEqual([first?.id, third.id])
})

test('contacts of several pages are walked, also where an import changed them all in one millisecond', async () => {
  const world = await account()
  const { hubspot, contacts } = world
  const made: string[] = []
  for (let number = 0; number < 450; number++) {
    if (number === 200) now = minutesLater(1)
    if (number > 430) now = new Date(now.getTime() + 1)
    made.push(hubspot.createContact({ email: `${number}@example.org` }).id)
  }
  const { ids, steps } = await swept(world, contacts)
  expect([...new Set(ids)].toSorted()).toEqual(made.toSorted())
  expect(steps).toBeLessThan(10)
  expect(world.opened.spent.every(pool => pool === 'search')).toBe(true)
})

test('no page begins at an offset, so that the 10,000 a search reaches are no end', async () => {
  const all = Array.from({ length: 25_000 }, (_, number) => ({
    id: String(number + 1),
    modifiedAt: new Date(start.getTime() + Math.floor(number / 3)),
  }))
  const unused = (): never => {
    throw new Error('not expected to be asked')
  }
  const sweeper = changedContacts(
    {
      readBatch: unused,
      readContact: unused,
      readByEmail: unused,
      createdSince: unused,
      archive: unused,
      list: unused,
      search: unused,
      ofCompanies: unused,
      listArchived: unused,
      create: unused,
      update: unused,
      changed: stretch =>
        Promise.resolve(
          all.filter(({ modifiedAt }) => 'since' in stretch && modifiedAt >= stretch.since).slice(0, 200),
        ),
    },
    { now: () => new Date(start.getTime() + 86_400_000) },
  )
  const call = { priority: 'background', signal: new AbortController().signal, spend: () => undefined } as const
  const seen = new Set<string>()
  let cursor: string | null = null
  for (let isDone = false; !isDone;) {
    const page = await sweeper.sweep(cursor, start, call)
    for (const { record } of page.shown) seen.add(record.id)
    cursor = page.next
    isDone = page.isDone
  }
  expect(seen.size).toBe(25_000)
})

test('contacts changed while the pages are read are passed over by none', async () => {
  const world = await account()
  const { hubspot, contacts, opened } = world
  const made: string[] = []
  for (let number = 0; number < 300; number++) {
    now = new Date(now.getTime() + 1)
    made.push(hubspot.createContact({ email: `${number}@example.org` }).id)
  }
  const first = await contacts.sweep(null, start, opened.context.call)
  // They move to the end, so that all behind them move up.
  now = minutesLater(5)
  for (const id of made.slice(0, 50)) hubspot.updateContact(id, { phone: '2' })
  const rest = await swept(world, contacts, first.next)
  const seen = new Set([...first.shown.map(({ record }) => record.id), ...rest.ids])
  expect(made.filter(id => !seen.has(id))).toEqual([])
})

test('the bin is listed page by page, with what had been merged into it', async () => {
  const world = await account()
  const { hubspot, archived } = world
  const made = Array.from({ length: 130 }, (_, number) => hubspot.createContact({ email: `${number}@example.org` }).id)
  const [kept, loser = '', winner = '', ...others] = made
  now = minutesLater(1)
  hubspot.mergeContacts(winner, loser)
  for (const id of [winner, ...others]) hubspot.deleteContact(id)
  const { shown, ids, steps } = await swept(world, archived)
  expect(ids.toSorted()).toEqual(made.filter(id => id !== kept).toSorted())
  expect(steps).toBe(2)
  expect(new Set(shown.map(({ kind, at }) => `${kind} ${at?.toISOString() ?? ''}`))).toEqual(
    new Set([`DELETED ${minutesLater(1).toISOString()}`]),
  )
})

test('a cursor that cannot be read begins where the sweep would have begun without one', async () => {
  const world = await account()
  now = minutesLater(1)
  const { id } = world.hubspot.createContact({ email: 'a@example.org' })
  for (const cursor of ['', '{', '{"sinceMs":"x"}']) {
    expect((await swept(world, world.contacts, cursor)).ids).toEqual([id])
  }
})

test('whether webhooks are alive is not known, and says where to look', async () => {
  const { opened } = await account()
  const found = await opened.system.subscriptions({ publicUrl: 'https://x.example', call: opened.context.call })
  expect(found).toMatchObject([{ endpoint: '', state: 'UNKNOWN' }])
  expect(found[0]?.note).toContain('npm run connect -- hubspot')
})

test('a contact dated a day ahead is no place to go on from: what happens until then is found', async () => {
  const world = await account()
  const { hubspot, contacts } = world
  now = new Date(Date.now() + 86_400_000)
  const ahead = hubspot.createContact({ email: 'ahead@example.org' })
  const { cursor } = await swept(world, contacts)
  now = new Date()
  const later = hubspot.createContact({ email: 'later@example.org' })
  expect((await swept(world, contacts, cursor)).ids).toEqual([later.id, ahead.id])
})
