import { expect, test } from 'vitest'
import { asanaAccount, contact, hubspotAccount, stripeAccount } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'

// A tool that cuts text after so many UTF-16 units cuts an emoji in half, and JSON carries the half: "\ud83d".

const time = '2026-01-02T00:00:00.000Z'

const task = (gid: string, rest: object) => ({
  gid,
  name: 'Boiler',
  completed: false,
  created_at: time,
  modified_at: time,
  memberships: [{ project: { gid: '99' }, section: { gid: '1', name: 'New' } }],
  custom_fields: [],
  ...rest,
})

test('half a character from a tool is shown as it is, and two such texts are never one: in links, filters and lists', async () => {
  const contacts = {
    '1': contact('1', { email: 'ada@example.com', firstname: 'Ada', lastname: 'Half \ud83d', company: 'x\ud83d' }),
    '2': contact('2', { email: 'bob\ud83d@example.com', firstname: 'Bob' }),
    '3': contact('3', { email: 'bob\ud83e@example.com', firstname: 'Bill' }),
  }
  const customers = {
    cus_1: {
      id: 'cus_1',
      object: 'customer',
      email: 'bob\ud83f@example.com',
      created: 1,
      livemode: false,
      metadata: {},
    },
    cus_2: {
      id: 'cus_2',
      object: 'customer',
      email: 'bob\ud83e@example.com',
      created: 1,
      livemode: false,
      metadata: {},
    },
  }
  const section = (gid: string, name: string) => ({ memberships: [{ project: { gid: '99' }, section: { gid, name } }] })
  const field = (value: string) => [{ gid: '123', type: 'text', text_value: value, display_value: value }]
  const tasks = {
    '55': task('55', {
      name: 'Boiler \ud83d',
      ...section('1', 'Do\ud83d'),
      custom_fields: field('bob\ud83f@example.com'),
    }),
    '56': task('56', { ...section('2', 'Do\ud83e'), custom_fields: field('bob\ud83d@example.com') }),
  }
  const sections = [
    { gid: '1', name: 'Do\ud83d' },
    { gid: '2', name: 'Do\ud83e' },
  ]
  const world = await startFieldWorld({
    hubspot: [hubspotAccount({ contacts })],
    stripe: [stripeAccount({ customers })],
    asana: [asanaAccount({ project: '99', tasks, sections })],
  })
  expect(await world.data('{ customer(id: "1") { name company } }')).toEqual({
    customer: { name: 'Ada Half \ud83d', company: 'x\ud83d' },
  })
  expect(await world.data('{ jobs(first: 5) { nodes { id title status customer { id } } } }')).toMatchObject({
    jobs: {
      nodes: expect.arrayContaining([
        { id: '55', title: 'Boiler \ud83d', status: 'Do\ud83d', customer: null },
        { id: '56', title: 'Boiler', status: 'Do\ud83e', customer: { id: '2' } },
      ]),
    },
  })
  const unlinked = JSON.stringify(await world.data('{ unlinkedRecords(first: 9) { nodes { record { id } reason } } }'))
  expect(unlinked).toContain('cus_1')
  expect(unlinked).not.toContain('cus_2')
  expect(unlinked).not.toContain('AMBIGUOUS')
})
