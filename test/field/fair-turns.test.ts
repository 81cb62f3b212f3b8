import type { Client } from 'graphql-ws'
import { expect, test } from 'vitest'
import { startWorld } from '../flows/world.ts'

// One client's burst of new operations, each of a document of its own so that each is planned, beside another client.

const burst = 490

/** Sends the operation, and notes who got a first answer, in order: `A`, or the codes it was refused with. */
function ask(client: Client, name: string, query: string, answered: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const note = (what: string): void => {
      answered.push(what)
      resolve()
    }
    client.subscribe(
      { query },
      {
        next: ({ data, errors }) =>
          note(errors === undefined && data != null ? name : `${name}: ${JSON.stringify(errors)}`),
        error: reason => note(`${name}: ${JSON.stringify(reason)}`),
        complete: () => reject(new Error('completed without an answer')),
      },
    )
  })
}

const change = (alias: string) =>
  `subscription { ${alias}: customerChanged(id: "101") { change { kind } customer { id name orders(first: 2) { nodes { id } } } } }`
const query = (alias: string) => `{ ${alias}: customer(id: "101") { id name orders(first: 2) { nodes { id } } } }`
const mutation = (alias: string) =>
  `mutation { ${alias}: updateCustomer(input: { id: "101", phone: "+15550142" }) { customer { id phone } } }`

for (const [kind, written] of [
  ['subscriptions', change],
  ['queries', query],
] as const) {
  test(`${burst} new ${kind} over one websocket are all answered, and another client has its turns in between`, async () => {
    const world = await startWorld()
    const [burster, other] = [world.client(), world.client()]
    const answered: string[] = []
    // Both are connected before either asks.
    await Promise.all([ask(burster, 'first', '{ __typename }', []), ask(other, 'first', '{ __typename }', [])])
    const all = Array.from({ length: burst }, (_, at) => ask(burster, 'A', written(`a${at}`), answered))
    all.push(
      ask(other, 'B', query('b1'), answered),
      ask(other, 'B', change('b2'), answered),
      ask(other, 'B', mutation('b3'), answered),
    )
    await Promise.all(all)
    expect(answered.filter(one => one === 'A')).toHaveLength(burst)
    expect(answered.filter(one => one === 'B')).toHaveLength(3)
    expect(answered.lastIndexOf('B')).toBeLessThan(burst / 2)
  }, 60_000)
}

const wide = `{ customers(first: 100) { nodes { id name email phone company createdAt updatedAt
  address { street city region postalCode country } } } }`

test('400 equal queries over one websocket hold up neither another client nor a webhook nor a health check', async () => {
  const world = await startWorld()
  const [burster, other] = [world.client(), world.client()]
  const answered: string[] = []
  // What is asked is known and cached, and both are connected.
  const stays = other.iterate({ query: change('stays') })
  await stays.next()
  await Promise.all([ask(burster, 'first', wide, []), ask(other, 'first', query('b'), [])])
  const get = async (path: string): Promise<void> => {
    const { status } = await fetch(`${world.gateway.url}${path}`)
    answered.push(`${path} ${status}`)
  }
  const all = Array.from({ length: 400 }, () => ask(burster, 'A', wide, answered))
  // The burst has been sent, and its first answer came.
  await Promise.race(all)
  await Promise.all([...all, ask(other, 'B', query('b'), answered), get('/health/live'), get('/health/ready')])
  const place = (what: string): number => answered.indexOf(what)
  expect(answered.filter(one => one === 'A')).toHaveLength(400)
  for (const what of ['B', '/health/live 200', '/health/ready 200']) {
    expect([what, place(what) >= 0 && place(what) < 200]).toEqual([what, true])
  }
}, 60_000)

test('a burst of new queries over HTTP is answered, and a websocket has its turn', async () => {
  const world = await startWorld()
  const client = world.client()
  const answered: string[] = []
  await ask(client, 'first', '{ __typename }', [])
  const all = Array.from({ length: burst }, async (_, at) => {
    const { status, errors } = await world.ask(query(`a${at}`))
    answered.push(status === 200 && errors.length === 0 ? 'A' : JSON.stringify([status, errors]))
  })
  await Promise.all([...all, ask(client, 'B', query('b'), answered)])
  expect(answered.filter(one => one === 'A')).toHaveLength(burst)
  expect(answered).toContain('B')
}, 60_000)
