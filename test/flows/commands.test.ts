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
