import { expect, test } from 'vitest'
import { setPhone } from './frames.ts'
import { at, textAt } from './reading.ts'
import { startWorld, type Frames, type World } from './world.ts'

/** Ends a list of what a subscriber hears: every subscriber's frames of this Change come after those of the ones before. */
async function heardUntil(frames: Frames, text: string): Promise<readonly string[]> {
  for (const heard: string[] = []; ;) {
    const frame = JSON.stringify(await frames.next())
    heard.push(frame)
    if (frame.includes(text)) return heard
  }
}

async function changeAFewThings(world: World): Promise<void> {
  world.tools.hubspot.updateContact('101', { company: 'Engines' })
  await world.settled()
  world.tools.hubspot.updateContact('101', { city: 'Elsewhere' })
  await world.settled()
  setPhone(world, 9)
  await world.settled()
}

test.each([
  ['once', 'customerChanged(id: "101") { change { kind fields } customer { phone } }'],
  ['twice', 'customerChanged(id: "101") { change { kind fields } } customerChanged(id: "101") { customer { phone } }'],
  [
    'twice, the entity first',
    'customerChanged(id: "101") { customer { phone } } customerChanged(id: "101") { change { kind fields } }',
  ],
  [
    'twice, by a variable',
    'customerChanged(id: $id) { change { kind fields } } customerChanged(id: $id) { customer { phone } }',
  ],
  ['in fragments', '...A ... on Subscription { ...B }'],
  ['in the same fragment twice', '...A ...A ...B'],
  [
    'with conditions within',
    'customerChanged(id: "101") { change { kind fields } customer @skip(if: $not) { name } } customerChanged(id: "101") { customer @include(if: $not) { phone } }',
  ],
  [
    'its entity in two places',
    'customerChanged(id: "101") { change { kind } ...C } customerChanged(id: "101") { change { fields } ... on CustomerChanged { customer { phone } } }',
  ],
  [
    'under one alias',
    'it: customerChanged(id: "101") { change { kind fields } } it: customerChanged(id: "101") { customer { phone } }',
  ],
])('a root field that is selected %s sends what was asked, and no frame for anything else', async (_how, selection) => {
  const world = await startWorld()
  const fragments = [
    ['A', 'Subscription { customerChanged(id: "101") { change { kind fields } } }'],
    ['B', 'Subscription { customerChanged(id: "101") { customer { phone } } }'],
    ['C', 'CustomerChanged { customer { phone } }'],
  ].flatMap(([name = '', text = '']) => (selection.includes(`...${name}`) ? [`fragment ${name} on ${text}`] : []))
  const variables = selection.includes('$id') ? '($id: ID!)' : selection.includes('$not') ? '($not: Boolean!)' : ''
  const frames = world.subscribe(`subscription${variables} { ${selection} } ${fragments.join(' ')}`, {
    id: '101',
    not: true,
  })
  const root = selection.startsWith('it:') ? 'it' : 'customerChanged'
  expect(await frames.next()).toMatchObject({ data: { [root]: { change: { kind: 'CURRENT' } } } })
  await changeAFewThings(world)
  const heard = await heardUntil(frames, '"fields":["phone"]')
  expect(JSON.parse(heard.at(-1) ?? '')).toEqual({
    data: { [root]: { change: { kind: 'UPDATED', fields: ['phone'] }, customer: { phone: '+15550000009' } } },
  })
  // A frame shows values as they are now: one for an earlier Change may come only where it shows the new number already.
  expect(heard.filter(frame => !frame.includes('"phone":"+15550000009"'))).toEqual([])
  expect([frames.waiting, world.gateway.runtime.hub.groups]).toEqual([[], 1])
})

test('written in two ways it is one subscription, executed once a Change', async () => {
  const world = await startWorld()
  const one = world.subscribe('subscription { customerChanged(id: "101") { change { kind } customer { phone } } }')
  const two = world.subscribe(
    'subscription { ...F customerChanged(id: "101") { customer { phone } } } fragment F on Subscription { customerChanged(id: "101") { change { kind } } }',
  )
  await one.next()
  await two.next()
  expect(world.gateway.runtime.hub.groups).toBe(1)
})

test('one document with different ids: each subscriber hears of its own customer only', async () => {
  const world = await startWorld()
  const query = 'subscription($id: ID!) { customerChanged(id: $id) { change { kind } customer { id phone } } }'
  const subscribers = ['101', '102', '103'].map(id => ({ id, frames: world.subscribe(query, { id }) }))
  for (const { id, frames } of subscribers)
    expect(textAt(await frames.next(), 'data.customerChanged.customer.id')).toBe(id)
  for (const [place, { id }] of subscribers.entries()) setPhone(world, place + 1, id)
  await world.settled()
  for (const [place, { id, frames }] of subscribers.entries()) {
    const heard = await heardUntil(frames, `+1555000000${place + 1}`)
    expect([id, heard.every(frame => frame.includes(`"id":"${id}"`)), frames.waiting]).toEqual([id, true, []])
  }
})

test.each([
  [{ cost: true }, undefined],
  [undefined, { cost: true }],
])('equal subscriptions with the extensions %o and %o: each is sent what it asked for', async (...asked) => {
  const world = await startWorld()
  const query = 'subscription { customerChanged(id: "101") { change { kind } customer { phone } } }'
  const client = world.client()
  const came = asked.map((): unknown[] => [])
  for (const [place, extensions] of asked.entries()) {
    client.subscribe(
      { query, extensions },
      { next: frame => void came[place]?.push(frame), error: () => undefined, complete: () => undefined },
    )
  }
  await expect.poll(() => came.map(frames => frames.length)).toEqual([1, 1])
  setPhone(world, 3)
  await expect.poll(() => came.map(frames => frames.length)).toEqual([2, 2])
  for (const [place, extensions] of asked.entries()) {
    for (const frame of came[place] ?? []) {
      expect('extensions' in Object(frame)).toBe(extensions !== undefined)
      if (extensions !== undefined) expect(at(frame, 'extensions.cost')).toBeInstanceOf(Array)
    }
  }
})
