import { expect, onTestFinished, test } from 'vitest'
import { startHubspot } from '../../../simulators/hubspot/simulator.ts'
import { stepsInMemory } from '../../steps.ts'
import { openHubspot } from './open.ts'

async function start() {
  const simulator = await startHubspot()
  const opened = openHubspot(simulator.url)
  onTestFinished(async () => {
    opened.close()
    await simulator.close()
  })
  return { ...opened, simulator }
}

const creating = { method: 'POST', path: /\/contacts$/ }

test.each([{ name: 'Grace Hopper', email: 'Grace@example.net' }, { name: 'Grace Hopper' }])(
  'a contact whose making was not answered is found and not made again: %o',
  async fields => {
    const { system, context, simulator } = await start()
    const before = simulator.snapshot().contacts.length
    simulator.faults.add({ kind: 'lose', times: 1, match: creating })
    const [{ record }] = await system.source.create(fields, context, stepsInMemory())
    expect(simulator.contact(record.id)?.properties).toMatchObject({ firstname: 'Grace' })
    expect(simulator.snapshot().contacts).toHaveLength(before + 1)
  },
)

test("an e-mail that was somebody else's before is refused, in a repeat too", async () => {
  const { system, context, simulator } = await start()
  simulator.createContact({ email: 'taken@example.net', firstname: 'Somebody' })
  const steps = stepsInMemory()
  simulator.faults.add({ kind: 'drop', times: 1, match: creating })
  const create = () => system.source.create({ name: 'Grace', email: 'taken@example.net' }, context, steps)
  await expect(create()).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(create()).rejects.toMatchObject({ kind: 'rejected' })
})

test('what was made for a write that is given up is archived', async () => {
  const { system, context, simulator } = await start()
  const steps = stepsInMemory({ entity: 'Customer' })
  simulator.faults.add({ kind: 'lose', times: 1, match: creating })
  simulator.faults.add({ kind: 'drop', times: 3, match: { path: /contacts\// } })
  const made = system.source.create({ name: 'Grace', email: 'grace@example.net' }, context, steps)
  await expect(made).rejects.toMatchObject({ kind: 'unavailable' })
  simulator.faults.clear()
  const { isGone, written } = await system.takeBack(steps, context.call)
  expect([isGone, written.length]).toEqual([true, 1])
  expect(simulator.contact(written[0]?.record.id ?? '')).toBeUndefined()
})
