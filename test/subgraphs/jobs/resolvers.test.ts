import { readFileSync } from 'node:fs'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { graphql, parse } from 'graphql'
import { beforeEach, describe, expect, test } from 'vitest'
import { scalars } from '../../../schema/scalars.ts'
import type { CustomerContact, GraphContext, IndexPage, PageFilter, WriteIntent } from '../../../subgraphs/contract.ts'
import { jobsResolvers } from '../../../subgraphs/jobs/resolvers.ts'
import type { JobFields, JobPatch, JobsSource } from '../../../subgraphs/jobs/source.ts'
import { VendorError } from '../../../subgraphs/vendor-error.ts'
import { stepsInMemory } from '../steps.ts'

const contactOf = (id: string): CustomerContact => ({
  id,
  formerIds: [],
  otherEmails: [],
  name: null,
  email: null,
  phone: null,
  address: null,
})

const sdl = ['../../../schema/shared.graphql', '../../../subgraphs/jobs/schema.graphql']
  .map(path => readFileSync(new URL(path, import.meta.url), 'utf8'))
  .join('\n')

let asked: string[]
let sent: { readonly intent: WriteIntent; readonly patch?: JobPatch }[]
let pages: { readonly within: unknown; readonly filter: PageFilter; readonly first: unknown }[]

beforeEach(() => {
  asked = []
  sent = []
  pages = []
})

const record = (id: string) => ({ system: 'tool', kind: 'task', id })

function fieldsOf(id: string): JobFields {
  const at = new Date('2026-01-02T03:04:05Z')
  return {
    id,
    record: record(id),
    title: `Job ${id}`,
    status: 'Scheduled',
    isCompleted: false,
    description: null,
    schedule: { startsOn: '2026-02-01', startsAt: null, endsOn: '2026-02-02', endsAt: at },
    assignee: { id: '7', name: 'Sam' },
    url: 'https://jobs.example.com/1',
    createdAt: at,
    updatedAt: at,
    completedAt: null,
  }
}

let patched: JobPatch | undefined
const written = (id: string) => [{ kind: 'UPDATED', record: record(id), fields: [] }] as const
const source: JobsSource = {
  system: 'tool',
  job({ id }) {
    asked.push(id)
    if (id === 'broken') return Promise.reject(new VendorError('tool', 'timeout', 'late'))
    return Promise.resolve(id === 'gone' ? null : fieldsOf(id))
  },
  create(fields) {
    patched = fields
    return Promise.resolve(written('9'))
  },
  update(id, patch) {
    patched = patch
    return Promise.resolve(written(id))
  },
  complete: id => Promise.resolve(written(id)),
}

const page: IndexPage = {
  entries: ['1', 'broken', 'gone'].map(id => ({ id, cursor: `c${id}`, record: record(id), near: null })),
  hasNextPage: () => Promise.resolve(true),
  hasPreviousPage: () => Promise.resolve(false),
  isComplete: true,
  totalCount: () => Promise.resolve(3),
}

const context: GraphContext = {
  call: { priority: 'query', signal: new AbortController().signal, spend: () => undefined },
  index: {
    sums: () => Promise.resolve([]),
    page(_, within, filter, { first }) {
      pages.push({ within, filter, first })
      return Promise.resolve(page)
    },
  },
  links: {
    resolve: ({ type, id }) =>
      Promise.resolve(id === 'tombstone' ? null : { type, id: id === 'retired' ? 'winner' : id }),
    entityOf: () => Promise.resolve(null),
    parentOf: ({ id }, entity) =>
      Promise.resolve(entity === 'Customer' && id !== 'gone' ? { type: entity, id: '101' } : null),
    recordsOf: () => Promise.resolve([]),
    isKnown: () => Promise.resolve(false),
  },
  customers: { contactOf: id => Promise.resolve(contactOf(id)), answering: id => Promise.resolve(id) },
  writes: {
    async write(intent, send) {
      patched = undefined
      const [first] = await send(stepsInMemory())
      sent.push({ intent, patch: patched })
      return { type: 'Job', id: first.record.id }
    },
  },
}

const schema = buildSubgraphSchema([{ typeDefs: parse(sdl), resolvers: { ...scalars, ...jobsResolvers(source) } }])

async function run(source: string, variableValues: Record<string, unknown> = {}) {
  const result = await graphql({ schema, source, variableValues, contextValue: context })
  // Plain objects, as they leave.
  const data: unknown = JSON.parse(JSON.stringify(result.data ?? null))
  return { data, errors: (result.errors ?? []).map(error => ({ path: error.path, code: error.extensions['code'] })) }
}

describe('a job', () => {
  test('answers with all its values in the words of the graph', async () => {
    const { data, errors } = await run(`{ job(id: "1") {
      id title status isCompleted description schedule { startsOn startsAt endsOn endsAt } assignee { id name }
      customer { __typename id } order { id } url createdAt updatedAt completedAt } }`)
    expect(errors).toEqual([])
    expect(data).toMatchObject({
      job: {
        title: 'Job 1',
        schedule: { startsOn: '2026-02-01', startsAt: null, endsAt: '2026-01-02T03:04:05.000Z' },
        assignee: { id: '7', name: 'Sam' },
        customer: { __typename: 'Customer', id: '101' },
        order: null,
        createdAt: '2026-01-02T03:04:05.000Z',
      },
    })
    expect(asked).toEqual(['1'])
  })

  test('that does not exist or was deleted is null; one behind a retired id is the winner', async () => {
    const { data } = await run(
      '{ a: job(id: "gone") { id } b: job(id: "tombstone") { id } c: job(id: "retired") { id } }',
    )
    expect(data).toEqual({ a: null, b: null, c: { id: 'winner' } })
  })

  test('that cannot be read still has its id and its links; its own fields fail one by one', async () => {
    const { data, errors } = await run('{ job(id: "broken") { id title } }')
    expect(data).toEqual({ job: { id: 'broken', title: null } })
    expect(errors.map(error => error.path)).toEqual([['job', 'title']])
  })

  test('is resolved by reference, like customers and orders', async () => {
    const query =
      'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Job { id title } ... on Customer { id } } }'
    const { data } = await run(query, {
      r: [
        { __typename: 'Job', id: '1' },
        { __typename: 'Job', id: 'tombstone' },
        { __typename: 'Customer', id: 'retired' },
        { __typename: 'Order', id: 'tombstone' },
      ],
    })
    expect(data).toEqual({ _entities: [{ id: '1', title: 'Job 1' }, null, { id: 'winner' }, null] })
  })
})

describe('a list', () => {
  test('of ids, customers and cursors asks the jobs tool nothing', async () => {
    const { data } = await run(
      '{ jobs(first: 3) { nodes { id customer { id } } edges { cursor } totalCount isComplete } }',
    )
    expect(data).toMatchObject({
      jobs: { nodes: [{ id: '1', customer: { id: '101' } }, {}, { customer: null }], totalCount: 3 },
    })
    expect(asked).toEqual([])
  })

  test('loads each job once; the fault of one stays at its fields, one deleted meanwhile is null', async () => {
    const { data, errors } = await run('{ jobs { nodes { id title status } edges { node { url } } } }')
    expect(data).toMatchObject({
      jobs: { nodes: [{ title: 'Job 1' }, { id: 'broken', title: null }, { title: null }] },
    })
    expect(new Set(errors.map(error => error.path?.slice(0, 3).join('.')))).toEqual(
      new Set(['jobs.nodes.1', 'jobs.edges.1']),
    )
    expect(asked).toEqual(['1', 'broken', 'gone'])
  })

  test('within a customer or order passes the filter on to the index', async () => {
    const query = `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Order {
      jobs(first: 5, filter: { status: ["Scheduled"], isCompleted: false, customer: "101", changedSince: "2026-01-01T00:00:00Z",
        schedule: { from: "2026-01-05", to: "2026-01-09" }, isScheduled: true, assignee: "7", isAssigned: true }) {
        pageInfo { endCursor } } } } }`
    await run(query, { r: [{ __typename: 'Order', id: 'in_1' }] })
    expect(pages).toMatchObject([
      {
        within: { type: 'Order', id: 'in_1' },
        first: 5,
        filter: {
          status: ['Scheduled'],
          isClosed: false,
          changedSince: new Date('2026-01-01T00:00:00Z'),
          schedule: { from: '2026-01-05', to: '2026-01-09' },
          isScheduled: true,
          assigneeId: '7',
          isAssigned: true,
          parents: [{ type: 'Customer', id: '101' }],
        },
      },
    ])
  })
})

describe('mutations', () => {
  test('create through the owner with the ids of living entities', async () => {
    const { data } = await run(`mutation { createJob(input: {
      title: "Fit", description: null, customerId: "retired", schedule: { startsAt: "2026-01-01T10:00:00Z", endsAt: "2026-01-01T11:00:00Z" }
    }) { job { id title } } }`)
    expect(data).toEqual({ createJob: { job: { id: '9', title: 'Job 9' } } })
    expect(sent).toMatchObject([
      {
        intent: { role: 'jobs', entity: 'Job', fields: ['title', 'schedule', 'customer'] },
        patch: { customerId: 'winner', schedule: { startsAt: new Date('2026-01-01T10:00:00Z') } },
      },
    ])
    expect(sent[0]?.intent.id).toBeUndefined()
  })

  test('update what was given, with null to empty it', async () => {
    await run('mutation { updateJob(input: { id: "retired", description: null, orderId: null }) { job { id } } }')
    expect(sent).toMatchObject([
      {
        intent: { id: 'winner', fields: ['description', 'order'] },
        patch: { description: null, orderId: null },
      },
    ])
    expect(sent[0]?.patch).not.toHaveProperty('customerId')
  })

  test('complete', async () => {
    const { data } = await run('mutation { completeJob(input: { id: "1" }) { job { id } } }')
    expect(data).toEqual({ completeJob: { job: { id: '1' } } })
    expect(sent[0]?.intent).toMatchObject({ id: '1', fields: ['isCompleted', 'completedAt'] })
  })

  test.each([
    ['createJob(input: { title: "  " })', 'BAD_USER_INPUT'],
    ['createJob(input: { title: "A", customerId: "tombstone" })', 'BAD_USER_INPUT'],
    [
      'createJob(input: { title: "A", schedule: { endsOn: "2026-01-01", endsAt: "2026-01-01T00:00:00Z" } })',
      'BAD_USER_INPUT',
    ],
    ['createJob(input: { title: "A", schedule: { startsOn: "2026-01-02", endsOn: "2026-01-01" } })', 'BAD_USER_INPUT'],
    ['updateJob(input: { id: "1" })', 'BAD_USER_INPUT'],
    ['updateJob(input: { id: "tombstone", title: "A" })', 'NOT_FOUND'],
    ['completeJob(input: { id: "tombstone" })', 'NOT_FOUND'],
  ])('%s is refused as %s, and nothing is sent', async (mutation, code) => {
    const { errors } = await run(`mutation { ${mutation} { job { id } } }`)
    expect(errors.map(error => error.code)).toEqual([code])
    expect(sent).toEqual([])
  })
})
