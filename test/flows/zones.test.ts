import { expect, test } from 'vitest'
import { at, idsAt } from './reading.ts'
import { startWorld } from './world.ts'

test.each([
  { zone: 'America/Los_Angeles', endsAt: '2027-03-02T04:30:00.000Z', day: '2027-03-01', utcDay: '2027-03-02' },
  { zone: 'Pacific/Auckland', endsAt: '2027-03-01T20:00:00.000Z', day: '2027-03-02', utcDay: '2027-03-01' },
])('a job that ends at an instant is on the day it has in $zone: written, told and imported', async example => {
  const { zone, endsAt, day, utcDay } = example
  const world = await startWorld({ zone })
  const on = async (wanted: string) =>
    idsAt(
      await world.data(
        `{ jobs(filter: { schedule: { from: "${wanted}", to: "${wanted}" } }, first: 100) { nodes { id } } }`,
      ),
      'jobs.nodes',
    )
  const written = await world.data(
    `mutation { updateJob(input: { id: "55", schedule: { startsOn: "${day}", endsAt: "${endsAt}" } }) { job { schedule { endsOn endsAt } } } }`,
  )
  expect(at(written, 'updateJob.job.schedule')).toEqual({ endsOn: day, endsAt })
  expect([await on(day), await on(utcDay)]).toEqual([['55'], []])

  const { gid } = world.tools.asana.createTask({ name: 'Evening visit', dueAt: new Date(endsAt) })
  await world.settled()
  expect(await on(day)).toEqual(expect.arrayContaining(['55', gid]))
  expect(await on(utcDay)).toEqual([])

  const seeded = [...world.tools.asana.snapshot().tasks].find(
    ({ dueAt, dueOn }) => dueAt !== null && dueOn !== dueAt.toISOString().slice(0, 10),
  )
  if (seeded === undefined || seeded.dueOn === null) throw new Error('expected a job whose day is not that of UTC')
  expect(await on(seeded.dueOn)).toContain(seeded.gid)
})
