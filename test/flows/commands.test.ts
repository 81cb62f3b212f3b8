import { expect, test, vi } from 'vitest'
import { startChild } from './child.ts'
import { ask, imported, setting, start } from './setting.ts'

test('connect and import are done by the process that runs, through its control socket', async () => {
  const at = await setting()
  await start(at)
  await imported(at)
  const connect = startChild('gateway/commands/connect.ts', ['asana'], at.environment)
  const unknown = startChild('gateway/commands/connect.ts', ['nobody'], at.environment)
  expect([(await connect.ended).code, (await unknown.ended).code]).toEqual([0, 2])
  expect(connect.output()).toContain('registered the webhook')
  at.tools.asana.updateTask('55', { name: 'Told by a webhook' })
  await vi.waitFor(
    async () => expect(await ask(at, '{ job(id: "55") { title } }')).toEqual({ job: { title: 'Told by a webhook' } }),
    5000,
  )
  const anew = startChild('gateway/commands/import.ts', ['--restart', 'hubspot'], at.environment)
  expect((await anew.ended).code).toBe(0)
  expect(anew.output()).toContain('hubspot: 10 of 10 contacts, done')
})

test('import works alone, and connect says that the gateway must run', async () => {
  const at = await setting()
  const alone = startChild('gateway/commands/import.ts', [], at.environment)
  expect(await alone.ended, alone.output()).toMatchObject({ code: 0 })
  expect(alone.output()).toMatch(/stripe: \d+.* invoices, done/)
  const connect = startChild('gateway/commands/connect.ts', ['asana'], at.environment)
  expect((await connect.ended).code).toBe(1)
  expect(connect.output()).toContain('No gateway is running')
  await start(at)
  expect(JSON.stringify(await ask(at, '{ systems { isImported } }'))).not.toContain('false')
})

test('an import that works alone tells each step once, whatever its log says beside it', async () => {
  const at = await setting({ LOG_LEVEL: 'debug', LOG_FORMAT: 'json' })
  const alone = startChild('gateway/commands/import.ts', ['hubspot'], at.environment)
  expect(await alone.ended, alone.output()).toMatchObject({ code: 0 })
  expect(alone.told().split('\n')).toEqual([
    'hubspot: 10 of 10 contacts, done',
    'hubspot: everything is imported, 10 records. --restart lists everything anew.',
  ])
  expect(alone.output()).toContain('a kind of record is imported')
})

test('a sweep is done by the process that runs, goes on where a killed one was, and says how it went', async () => {
  const at = await setting()
  const { hubspot } = at.tools
  hubspot.faults.add({ webhook: 'drop' })
  const first = await start(at)
  await imported(at)
  const made = Array.from({ length: 250 }, (_, number) => hubspot.createContact({ email: `${number}@example.org` }).id)
  // The first page of the search comes, the second one never.
  const search = { method: 'POST', path: /search$/ }
  hubspot.faults.add({ kind: 'slow', delayMs: 1, times: 1, match: search })
  hubspot.faults.add({ kind: 'slow', delayMs: 60_000, match: search })
  const interrupted = startChild('gateway/commands/sweep.ts', ['hubspot'], at.environment)
  const known = async () => JSON.stringify(await ask(at, '{ customers { totalCount } }'))
  await vi.waitFor(async () => expect(await known()).toContain('"totalCount":210'), { timeout: 20_000, interval: 100 })
  first.kill('SIGKILL')
  await first.ended
  expect((await interrupted.ended).code).toBe(1)

  hubspot.faults.clear()
  hubspot.faults.add({ webhook: 'drop' })
  await start(at)
  hubspot.requests.clear()
  const sweep = startChild('gateway/commands/sweep.ts', ['hubspot'], at.environment)
  expect((await sweep.ended).code, sweep.output()).toBe(0)
  expect(sweep.output()).toMatch(/hubspot: swept, \d+ looked at, 50 missed by webhooks/)
  expect(await known()).toContain(`"totalCount":${10 + made.length}`)
  // What the first one had worked on is not read again.
  expect(hubspot.requests.count('POST /crm/v3/objects/contacts/batch/read')).toBeLessThan(20)
}, 150_000)

test('sweep explains itself, and names the systems there are', async () => {
  const strange = startChild('gateway/commands/sweep.ts', ['nobody'], {})
  const help = startChild('gateway/commands/sweep.ts', ['--help'])
  expect([(await strange.ended).code, (await help.ended).code]).toEqual([2, 0])
  expect(help.output()).toContain('SWEEP_EVERY_SECONDS')
})
