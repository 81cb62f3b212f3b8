import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startAsana, type AsanaSimulator } from '../../../simulators/asana/simulator.ts'
import { stepsInMemory } from '../../steps.ts'
import { callContext, graphContext, openAccount } from './account.ts'

let simulator: AsanaSimulator
let account: ReturnType<typeof openAccount>

beforeAll(async () => {
  simulator = await startAsana()
  account = openAccount(simulator)
})

afterAll(async () => {
  await account.close()
  await simulator.close()
})

afterEach(() => simulator.faults.clear())

const creating = { method: 'POST', path: /\/tasks$/ }

function named(name: string): readonly string[] {
  return simulator.snapshot().tasks.flatMap(task => (task.name === name ? [task.gid] : []))
}

test('a task whose making was not answered is found and not made again', async () => {
  simulator.faults.add({ kind: 'lose', times: 1, match: creating })
  const [{ record }] = await account.source.create({ title: 'Lost' }, graphContext(), stepsInMemory())
  expect(named('Lost')).toEqual([record.id])
})

test('two of the same content that were not answered each get one of their own', async () => {
  const claimed = new Map<string, string>()
  simulator.faults.add({ kind: 'lose', times: 2, match: creating })
  const made = await Promise.all(
    [1, 2].map(() => account.source.create({ title: 'Twice' }, graphContext(), stepsInMemory({ claimed }))),
  )
  expect(named('Twice').toSorted()).toEqual(made.map(([{ record }]) => record.id).toSorted())
})

test('one that is not there yet may still be on its way: it is sent again only after a while', async () => {
  let now = new Date()
  const steps = stepsInMemory({ now: () => now })
  simulator.faults.add({ kind: 'drop', times: 1, match: creating })
  const create = () => account.source.create({ title: 'Late' }, graphContext(), steps)
  await expect(create()).rejects.toMatchObject({ kind: 'unavailable' })
  await expect(create()).rejects.toMatchObject({ kind: 'unavailable', retryAfterMs: expect.any(Number) })
  expect(named('Late')).toEqual([])
  // As if it had been sent long ago.
  now = new Date(Date.now() - 60_000)
  const old = stepsInMemory({ now: () => now })
  simulator.faults.add({ kind: 'drop', times: 1, match: creating })
  const again = () => account.source.create({ title: 'Late' }, graphContext(), old)
  await expect(again()).rejects.toMatchObject({ kind: 'unavailable' })
  const [{ record }] = await again()
  expect(named('Late')).toEqual([record.id])
})

test('what was made for a write that is given up is found and put into the bin; a like one of others stays', async () => {
  const theirs = stepsInMemory()
  const claimed = new Map<string, string>()
  simulator.faults.add({ kind: 'lose', times: 1, match: creating })
  // Its search fails as well, so that it knows of nothing.
  simulator.faults.add({ kind: 'drop', match: { method: 'GET', path: /\/tasks$/ } })
  const ours = stepsInMemory({ claimed, entity: 'Job' })
  await expect(account.source.create({ title: 'Given up' }, graphContext(), ours)).rejects.toThrow()
  simulator.faults.clear()
  const before = named('Given up')
  expect(before).toHaveLength(1)
  const [{ record }] = await account.source.create({ title: 'Given up' }, graphContext(), theirs)
  claimed.set(record.id, theirs.id)
  const { isGone, written } = await account.system.takeBack(ours, callContext())
  expect([isGone, written]).toMatchObject([true, [{ kind: 'DELETED', record: { id: before[0] } }]])
  expect(named('Given up')).toEqual([record.id])
})
