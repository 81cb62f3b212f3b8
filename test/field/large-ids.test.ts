import { expect, test } from 'vitest'
import { z } from 'zod'
import { rawSocket } from '../flows/raw-socket.ts'
import { asanaAccount } from './accounts.ts'
import { startFieldWorld, type FieldWorld } from './field-world.ts'

const answered = z.looseObject({ data: z.unknown().optional() })

/** What `payload` comes to by POST, by GET and over a websocket. */
async function asked(world: FieldWorld, query: string, variables: string): Promise<readonly unknown[]> {
  const payload = `{"query":${JSON.stringify(query)},"variables":${variables}}`
  const posted = await world.post('/graphql', { headers: {}, body: payload })
  const search = `query=${encodeURIComponent(query)}&variables=${encodeURIComponent(variables)}`
  const got = await fetch(`${world.gateway.url}/graphql?${search}`)
  const socket = await rawSocket(world)
  socket.send(`{"type":"subscribe","id":"a","payload":${payload}}`)
  const { payload: pushed } = await socket.next()
  return [await posted.json(), await got.json(), pushed].map(one => answered.parse(one).data)
}

test('an id that a number cannot hold names its own record when it is sent as a number, and not the one it is rounded to', async () => {
  const time = '2026-01-02T00:00:00.000Z'
  const memberships = [{ project: { gid: '99' }, section: { gid: '1', name: 'New' } }]
  const task = (gid: string) => [
    gid,
    { gid, name: `Job ${gid}`, completed: false, created_at: time, modified_at: time, memberships },
  ]
  const ids = ['9007199254740992', '9007199254740993', '9007199254740994']
  const tasks = Object.fromEntries(ids.map(task))
  const world = await startFieldWorld({ asana: [asanaAccount({ project: '99', tasks })] })
  for (const id of ids) {
    const right = { job: { id, title: `Job ${id}` } }
    expect(await asked(world, 'query ($i: ID!) { job(id: $i) { id title } }', `{"i":${id}}`)).toEqual([
      right,
      right,
      right,
    ])
    // In a document, and as a default in one.
    expect(await asked(world, `{ job(id: ${id}) { id title } }`, '{}')).toEqual([right, right, right])
    expect(await asked(world, `query ($i: ID! = ${id}) { job(id: $i) { id title } }`, '{}')).toEqual([
      right,
      right,
      right,
    ])
  }
  const deeper = 'mutation ($i: CreateJobInput!) { createJob(input: $i) { job { id } } }'
  const body = `{"query":${JSON.stringify(deeper)},"variables":{"i":{"title":"x","customerId":9007199254740993}}}`
  const refused = await world.post('/graphql', { headers: {}, body })
  expect(JSON.stringify(await refused.json())).not.toContain('9007199254740992')
})

test('an Int that a number cannot hold is refused in words', async () => {
  const world = await startFieldWorld()
  const { errors } = z.object({ errors: z.array(z.object({ message: z.string() })) }).parse(
    await (
      await world.post('/graphql', {
        headers: {},
        body: '{"query":"query ($n: Int) { customers(first: $n) { totalCount } }","variables":{"n":9007199254740993}}',
      })
    ).json(),
  )
  expect(errors[0]?.message).toContain('9007199254740993')
})
