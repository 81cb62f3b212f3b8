import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { asanaAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const environment = {
  HUBSPOT_ACCESS_TOKEN: '',
  HUBSPOT_CLIENT_SECRET: '',
  HUBSPOT_BASE_URL: '',
  STRIPE_SECRET_KEY: '',
  STRIPE_WEBHOOK_SECRET: '',
  STRIPE_BASE_URL: '',
  VENDOR_WRITE_TIMEOUT_MS: '700',
}

/** As Asana registers: it shakes hands with the target while the request is open. The first answer comes too late. */
function lateAnswers(): { readonly answer: Answer; readonly webhooks: Map<string, string> } {
  const webhooks = new Map<string, string>()
  const answer: Answer = async ({ method, path, body }) => {
    if (!path.startsWith('/api/1.0/webhooks')) return undefined
    if (method === 'GET') {
      const data = [...webhooks].map(([gid, target]) => ({ gid, target, active: true, resource: { gid: '99' } }))
      return { body: { data, next_page: null } }
    }
    if (method === 'DELETE') {
      webhooks.delete(path.split('/').at(-1) ?? '')
      return { body: { data: {} } }
    }
    const [, target = ''] = /"target":"([^"]+)"/.exec(body) ?? []
    const isFirst = webhooks.size === 0 && first
    first = false
    const secret = isFirst ? 'secret-of-the-first' : 'secret-of-the-second'
    const shaken = await fetch(target, { method: 'POST', headers: { 'x-hook-secret': secret } })
    if (shaken.headers.get('x-hook-secret') !== secret)
      return { status: 400, body: { errors: [{ message: 'no handshake' }] } }
    const gid = isFirst ? '1' : '2'
    webhooks.set(gid, target)
    return {
      status: 201,
      body: { data: { gid, active: true, target, resource: { gid: '99' } }, 'X-Hook-Secret': secret },
      delayMs: isFirst ? 1500 : 0,
    }
  }
  let first = true
  return { answer, webhooks }
}

test('a registration that is not answered in time is looked for, taken away and made anew, and the secret is the last one', async () => {
  const { answer, webhooks } = lateAnswers()
  const field = { gid: '123', name: 'Customer', resource_subtype: 'text' }
  const order = { gid: '124', name: 'Order', resource_subtype: 'text' }
  const world = await startFieldWorld({
    asana: [answer, asanaAccount({ project: '99', tasks: {}, fields: [field, order] })],
    environment,
  })
  const lines: string[] = []
  expect(await world.gateway.connect('asana', line => void lines.push(line)), lines.join('\n')).toBe('done')
  expect([...webhooks.keys()]).toEqual(['2'])
  const body = JSON.stringify({ events: [] })
  const signedWith = async (secret: string) => {
    const signature = createHmac('sha256', secret).update(body).digest('hex')
    return (await world.post('/webhooks/asana/99', { headers: { 'x-hook-signature': signature }, body })).status
  }
  expect([await signedWith('secret-of-the-second'), await signedWith('secret-of-the-first')]).toEqual([200, 401])
})

/** Registers with the given secret, whatever the target answers to the handshake. @param repeated what the answer says of it */
function careless(secret: string | null, repeated: string | null) {
  const webhooks = new Map<string, string>()
  const handshakes: { readonly status: number; readonly text: string }[] = []
  const answer: Answer = async ({ method, path, body }) => {
    if (!path.startsWith('/api/1.0/webhooks')) return undefined
    if (method === 'GET') return { body: { data: [], next_page: null } }
    if (method === 'DELETE') {
      webhooks.delete(path.split('/').at(-1) ?? '')
      return { body: { data: {} } }
    }
    const [, target = ''] = /"target":"([^"]+)"/.exec(body) ?? []
    if (secret !== null) {
      const { status, text } = await fetch(target, { method: 'POST', headers: { 'x-hook-secret': secret } }).then(
        async shaken => ({ status: shaken.status, text: await shaken.text() }),
      )
      handshakes.push({ status, text })
    }
    webhooks.set('1', target)
    const data = { gid: '1', active: true, target, resource: { gid: '99' } }
    return { status: 201, body: repeated === null ? { data } : { data, 'X-Hook-Secret': repeated } }
  }
  return { answer, webhooks, handshakes }
}

const fields = ['123', '124'].map(gid => ({ gid, name: gid, resource_subtype: 'text' }))

test.each([
  ['is too short', 'short', 'short', /expected a secret of 16 to 256 printable ASCII characters without blanks, got 5/],
  ['is too short, and not repeated in the answer', 'short', null, /no handshake with a secret came/],
  ['never comes', null, null, /no handshake with a secret came; check that PUBLIC_URL leads to this gateway/],
])(
  'a handshake whose secret %s ends connect with an error, and leaves no webhook',
  async (_, secret, repeated, said) => {
    const { answer, webhooks, handshakes } = careless(secret, repeated)
    const world = await startFieldWorld({
      asana: [answer, asanaAccount({ project: '99', tasks: {}, fields })],
      environment,
    })
    const lines: string[] = []
    expect(await world.gateway.connect('asana', line => void lines.push(line))).toBe('failed')
    expect(lines.join('\n')).toMatch(said)
    expect(lines.join('\n')).not.toMatch(/done/)
    expect([...webhooks]).toEqual([])
    if (secret === null) return
    expect(handshakes).toEqual([{ status: 400, text: expect.stringMatching(/X-Hook-Secret: expected .* got 5\./) }])
    expect(world.log.map(line => JSON.stringify(line)).join('\n')).not.toContain('signature-missing')
    expect(world.log).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ reason: expect.stringContaining('X-Hook-Secret: expected') }),
      }),
    )
  },
)

test('a registration refused as a duplicate of one that was not listed yet is made anew', async () => {
  let isListed = false
  const webhooks = new Map([['7', '']])
  const answer: Answer = async ({ method, path, body }) => {
    if (!path.startsWith('/api/1.0/webhooks')) return undefined
    if (method === 'GET') {
      const data = isListed ? [...webhooks].map(([gid, target]) => ({ gid, target, active: true })) : []
      return { body: { data, next_page: null } }
    }
    if (method === 'DELETE') {
      webhooks.delete(path.split('/').at(-1) ?? '')
      return { body: { data: {} } }
    }
    const [, target = ''] = /"target":"([^"]+)"/.exec(body) ?? []
    if (webhooks.size > 0) {
      isListed = true
      webhooks.set('7', target)
      const message =
        'Duplicated webhook. You already have an existing webhook for the given resource and target. Delete the old one before creating another.'
      return { status: 403, body: { errors: [{ message }] } }
    }
    await fetch(target, { method: 'POST', headers: { 'x-hook-secret': 'secret-of-the-new-one' } })
    webhooks.set('8', target)
    return { status: 201, body: { data: { gid: '8', active: true, target }, 'X-Hook-Secret': 'secret-of-the-new-one' } }
  }
  const field = { gid: '123', name: 'Customer', resource_subtype: 'text' }
  const order = { gid: '124', name: 'Order', resource_subtype: 'text' }
  const world = await startFieldWorld({
    asana: [answer, asanaAccount({ project: '99', tasks: {}, fields: [field, order] })],
    environment,
  })
  const lines: string[] = []
  expect(await world.gateway.connect('asana', line => void lines.push(line)), lines.join('\n')).toBe('done')
  expect([...webhooks.keys()]).toEqual(['8'])
})

test.each([
  ['that Asana confirms', true, 'done'],
  ['of a registration whose answer names no secret, beside another handshake', false, 'failed'],
] as const)(
  'while connect waits nothing is believed, and after it only the secret %s',
  async (_, isRepeated, outcome) => {
    const body = JSON.stringify({
      events: [
        { action: 'deleted', created_at: new Date().toISOString(), resource: { gid: '1', resource_type: 'task' } },
      ],
    })
    const [genuine, forged] = ['secret-of-asana-itself', 'secret-of-a-stranger']
    const webhooks = new Set<string>()
    const meanwhile: Promise<number>[] = []
    const signedWith = async (target: string, secret: string) => {
      const signature = createHmac('sha256', secret).update(body).digest('hex')
      return fetch(target, { method: 'POST', headers: { 'x-hook-signature': signature }, body })
    }
    let registered = ''
    const answer: Answer = async ({ method, path, body: asked }) => {
      if (!path.startsWith('/api/1.0/webhooks')) return undefined
      if (method === 'GET') return { body: { data: [], next_page: null } }
      if (method === 'DELETE') {
        webhooks.clear()
        return { body: { data: {} } }
      }
      const [, target = ''] = /"target":"([^"]+)"/.exec(asked) ?? []
      registered = target
      webhooks.add('1')
      for (const secret of [genuine, forged]) {
        const shaken = await fetch(target, { method: 'POST', headers: { 'x-hook-secret': secret } })
        expect(shaken.status).toBe(200)
        meanwhile.push(signedWith(target, secret).then(({ status }) => status))
      }
      const data = { gid: '1', active: true, target, resource: { gid: '99' } }
      return { status: 201, body: isRepeated ? { data, 'X-Hook-Secret': genuine } : { data } }
    }
    const world = await startFieldWorld({
      asana: [answer, asanaAccount({ project: '99', tasks: {}, fields })],
      environment,
    })
    expect(await world.gateway.connect('asana', () => undefined)).toBe(outcome)
    // What came before the answer has waited for it.
    expect(await Promise.all(meanwhile)).toEqual([isRepeated ? 200 : 401, 401])
    const after = [await signedWith(registered, genuine), await signedWith(registered, forged)].map(
      ({ status }) => status,
    )
    expect(after).toEqual([isRepeated ? 200 : 401, 401])
    expect([...webhooks]).toEqual(isRepeated ? ['1'] : [])
    expect(await world.data('{ deliveries(first: 0) { totalCount } }')).toEqual({
      deliveries: { totalCount: isRepeated ? 1 : 0 },
    })
  },
)
