import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { asanaAccount, task, type AsanaAccount, type Raw } from './accounts.ts'
import { startFieldWorld } from './field-world.ts'
import type { Answer } from './vendor-server.ts'

const section = (gid: string, name: string): Raw => ({ gid, resource_type: 'section', name })
const scheduled = section('10', 'Scheduled')
const finished = section('11', 'Finished')
const body = z.object({ data: z.record(z.string(), z.unknown()) })

function account(): AsanaAccount {
  const fields = ['123', '124'].map(gid => ({ gid, resource_type: 'custom_field', resource_subtype: 'text' }))
  return { project: '99', sections: [scheduled, finished], fields, tasks: { 71: task('71', scheduled) } }
}

/** Writes as Asana takes them; what `ignores` names is answered with success and left as it was. */
function writes(of: AsanaAccount, ignores: readonly string[], sent: string[] = []): Answer {
  return request => {
    const path = request.path.replace(/^\/api\/1\.0/, '')
    const before = of.tasks['71'] ?? {}
    if (request.method === 'PUT' && path === '/tasks/71') {
      const { data } = body.parse(JSON.parse(request.body))
      sent.push(Object.keys(data).join())
      const kept = Object.fromEntries(Object.entries(data).filter(([name]) => !ignores.includes(name)))
      of.tasks['71'] = { ...before, ...kept }
      return { body: { data: of.tasks['71'] } }
    }
    const [, gid] = /^\/sections\/(\d+)\/addTask$/.exec(path) ?? []
    if (gid === undefined) return undefined
    sent.push(`section ${gid}`)
    const target = of.sections?.find(one => one['gid'] === gid)
    if (!ignores.includes('section'))
      of.tasks['71'] = { ...before, memberships: [{ project: { gid: '99' }, section: target }] }
    return { body: { data: {} } }
  }
}

const update = (input: string) => `mutation { updateJob(input: { id: "71", ${input} }) { job { title status } } }`

describe('a write that Asana accepts and ignores', () => {
  test.each([
    ['name', 'title: "Another"', 'title'],
    ['notes', 'description: "secret words"', 'description'],
    ['due_on', 'schedule: { endsOn: "2026-05-01" }', 'schedule'],
    ['assignee', 'assigneeId: "7"', 'assignee'],
    ['section', 'status: "Finished"', 'status'],
  ])('of %s is an error that names the field and no value', async (ignored, input, field) => {
    const asana = account()
    const world = await startFieldWorld({ asana: [writes(asana, [ignored]), asanaAccount(asana)] })
    const { data, errors } = await world.ask(update(input))
    expect(data).toMatchObject({ updateJob: null })
    expect(errors).toMatchObject([{ extensions: { code: 'SYSTEM_INCOMPLETE', isRetryable: false } }])
    expect(errors[0]?.message).toContain(field)
    expect(errors[0]?.message).not.toContain('secret')
  })

  test('is none where only the form is another', async () => {
    const asana = account()
    const trimming: Answer = async request => {
      const answer = await writes(asana, [])(request)
      const one = asana.tasks['71']
      if (one !== undefined) asana.tasks['71'] = { ...one, name: String(one['name']).trim() }
      return answer === undefined || request.method !== 'PUT' ? answer : { body: { data: asana.tasks['71'] } }
    }
    const world = await startFieldWorld({ asana: [trimming, asanaAccount(asana)] })
    expect(await world.data(update('title: " Fit a boiler ", status: "Finished"'))).toEqual({
      updateJob: { job: { title: 'Fit a boiler', status: 'Finished' } },
    })
  })

  test('in part: what was written is shown, and the error says that a part is missing', async () => {
    const asana = account()
    const refusing: Answer = ({ method }) =>
      method === 'PUT' ? { status: 403, body: { errors: [{ message: 'Forbidden' }] } } : undefined
    const world = await startFieldWorld({ asana: [refusing, writes(asana, []), asanaAccount(asana)] })
    const { errors } = await world.ask(update('title: "Another", status: "Finished"'))
    expect(errors).toMatchObject([{ extensions: { code: 'SYSTEM_INCOMPLETE' } }])
    await expect
      .poll(async () => JSON.stringify(await world.data('{ job(id: "71") { title status } }')))
      .toBe(JSON.stringify({ job: { title: 'Task 71', status: 'Finished' } }))
  })

  test('not at all where the move is refused: nothing else is sent', async () => {
    const asana = account()
    const sent: string[] = []
    const refusing: Answer = ({ path }) =>
      path.endsWith('/addTask') ? { status: 403, body: { errors: [{ message: 'Forbidden' }] } } : undefined
    const world = await startFieldWorld({ asana: [refusing, writes(asana, [], sent), asanaAccount(asana)] })
    const { data, errors } = await world.ask(update('title: "Another", status: "Finished"'))
    expect([data, errors.length, sent]).toEqual([{ updateJob: null }, 1, []])
  })
})

describe('completeJob', () => {
  const complete = 'mutation { completeJob(input: { id: "71" }) { job { isCompleted status } } }'

  test.each([
    ['name', 'Finished'],
    ['gid', '11'],
  ])('moves to the stage that the settings name for done, by %s', async (_, ASANA_DONE_STAGE) => {
    const asana = account()
    const sent: string[] = []
    const world = await startFieldWorld({
      asana: [writes(asana, [], sent), asanaAccount(asana)],
      environment: { ASANA_DONE_STAGE },
    })
    expect(await world.data(complete)).toEqual({ completeJob: { job: { isCompleted: true, status: 'Finished' } } })
    expect(await world.data('{ jobs(filter: { status: ["Finished"], isCompleted: true }) { totalCount } }')).toEqual({
      jobs: { totalCount: 1 },
    })
    expect(sent).toEqual(['section 11', 'completed'])
  })

  test('leaves the job where it is without such a setting', async () => {
    const asana = account()
    const world = await startFieldWorld({ asana: [writes(asana, []), asanaAccount(asana)] })
    expect(await world.data(complete)).toEqual({ completeJob: { job: { isCompleted: true, status: 'Scheduled' } } })
  })

  test('with a stage that is not there changes nothing, and the health of the system says so from the start', async () => {
    const asana = account()
    const sent: string[] = []
    const world = await startFieldWorld({
      asana: [writes(asana, [], sent), asanaAccount(asana)],
      environment: { ASANA_DONE_STAGE: 'Done' },
    })
    const { errors } = await world.ask(complete)
    expect(errors[0]?.message).toContain('ASANA_DONE_STAGE')
    expect(sent).toEqual([])
    expect(await (await fetch(`${world.gateway.url}/health/ready`)).text()).toContain('ASANA_DONE_STAGE')
  })
})
