import { randomInt } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { openStore } from '../../gateway/store/open.ts'
import { quiet } from '../gateway/store/ports.ts'
import { seededRandom } from '../simulators/core/random.ts'
import { askUntilAnswered, creations, loseAnswers, made } from './creations.ts'
import { ask, imported, setting, start } from './setting.ts'

test(
  'creations under lost answers and SIGKILLs are each made once, in the tools and in the graph',
  { timeout: 240_000 },
  async () => {
    const seed = randomInt(2 ** 31)
    const random = seededRandom(seed)
    const at = await setting()
    let process = await start(at)
    await imported(at)
    const before = await counts(at)
    const orders = 8
    const jobs = 8
    loseAnswers(at.tools, seed)
    const wanted = creations(orders, jobs, 'test')
    const over = new AbortController()
    const killing = (async () => {
      for (let kills = 0; kills < 3 && !over.signal.aborted; kills += 1) {
        await pause(200 + random() * 800)
        process.kill('SIGKILL')
        await process.ended
        process = await start(at)
      }
    })()
    const answered = await askUntilAnswered(() => at.url, wanted, { clients: 6 })
    over.abort()
    await killing
    at.tools.stripe.faults.clear()
    at.tools.asana.faults.clear()

    const ids = (mutation: string) =>
      answered.filter(({ creation }) => creation.mutation === mutation).map(({ id }) => id)
    const there = made(at.tools)
    const message = `seed ${seed}`
    expect(there.orders.toSorted(), message).toEqual(ids('createOrder').toSorted())
    expect(there.jobs.toSorted(), message).toEqual(ids('createJob').toSorted())
    expect(new Set(there.orders).size, message).toBe(orders)
    expect(new Set(there.jobs).size, message).toBe(jobs)
    for (const id of there.orders) expect(at.tools.stripe.invoice(id)?.status, message).not.toBe('draft')
    // Webhooks that the killed processes missed are on their way still.
    await vi.waitFor(
      async () =>
        expect(await counts(at), message).toEqual({ orders: before.orders + orders, jobs: before.jobs + jobs }),
      { timeout: 20_000, interval: 200 },
    )
    const again = await askUntilAnswered(() => at.url, wanted, { clients: 6 })
    expect(byId(again), message).toEqual(byId(answered))
    expect(made(at.tools), message).toEqual(there)

    process.kill('SIGTERM')
    await process.ended
    const store = await openStore(at.environment['STORE_URL'] ?? '', { log: quiet, clock: { now: () => new Date() } })
    const [writes, created] = await store.read(async db => [
      await db.selectFrom('writes').select(['state', 'input']).execute(),
      await db.selectFrom('changes').select('record_id').where('kind', '=', 'CREATED').execute(),
    ])
    await store.close()
    expect(writes, message).toEqual(wanted.map(() => ({ state: 'done', input: null })))
    const told = created.map(change => change.record_id)
    for (const id of [...there.orders, ...there.jobs])
      expect([id, told.filter(one => one === id)], message).toEqual([id, [id]])
  },
)

function byId(answered: Awaited<ReturnType<typeof askUntilAnswered>>): ReadonlyMap<string, string> {
  return new Map(answered.map(({ creation, id }) => [creation.clientMutationId, id]))
}

async function counts(at: Parameters<typeof ask>[0]): Promise<{ readonly orders: number; readonly jobs: number }> {
  const text = JSON.stringify(await ask(at, '{ orders { totalCount } jobs { totalCount } }'))
  const [, orders, jobs] = /"orders":\{"totalCount":(\d+)\},"jobs":\{"totalCount":(\d+)\}/.exec(text) ?? []
  return { orders: Number(orders), jobs: Number(jobs) }
}
