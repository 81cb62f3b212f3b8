import { afterEach, beforeEach, expect, test } from 'vitest'
import { startStripe, type StripeSimulator } from '../../../simulators/stripe/simulator.ts'
import { stepsInMemory } from '../../steps.ts'
import { openStripe, type Opened } from './open.ts'

let simulator: StripeSimulator
let opened: Opened

beforeEach(async () => {
  simulator = await startStripe()
  opened = openStripe(simulator.url)
})

afterEach(async () => {
  opened.close()
  await simulator.close()
})

const lines = [{ description: 'Call-out', unitAmount: 100, quantity: '1' }]

function order(finalize: boolean) {
  return { customerId: '4711', currency: 'USD', lines, daysUntilDue: 1, memo: 'Unfinished', finalize }
}

function invoices() {
  return simulator.snapshot().invoices.filter(({ head }) => head.description === 'Unfinished')
}

test('an order that is gone on with makes no second invoice, line or billing record', async () => {
  const steps = stepsInMemory()
  const customers = simulator.snapshot().customers.length
  simulator.faults.add({ kind: 'drop', match: { path: /finalize$/ } })
  await expect(opened.system.source.create(order(true), opened.context, steps)).rejects.toMatchObject({
    kind: 'unavailable',
  })
  simulator.faults.clear()
  const [{ record, observed }] = await opened.system.source.create(order(true), opened.context, steps)
  expect(observed?.status).toBe('OPEN')
  expect(invoices()).toMatchObject([{ head: { id: record.id, status: 'open', total: 100 } }])
  expect(simulator.snapshot().customers).toHaveLength(customers + 1)
})

test('a half-made draft is deleted, also when its making was never answered; the billing record stays', async () => {
  const steps = stepsInMemory()
  simulator.faults.add({ kind: 'lose', times: 3, match: { method: 'POST', path: /\/v1\/invoices$/ } })
  await expect(opened.system.source.create(order(false), opened.context, steps)).rejects.toThrow()
  expect([steps.result('invoice'), invoices().length]).toEqual([null, 1])
  const { isGone, written } = await opened.system.takeBack(steps, opened.context.call)
  expect([isGone, invoices()]).toEqual([true, []])
  expect(written).toMatchObject([{ kind: 'CREATED', record: { kind: 'customer', id: steps.result('new-customer') } }])
})

test('a draft that cannot be found may still be on its way', async () => {
  const steps = stepsInMemory()
  simulator.faults.add({ kind: 'drop', match: { method: 'POST', path: /\/v1\/invoices$/ } })
  await expect(opened.system.source.create(order(false), opened.context, steps)).rejects.toThrow()
  await expect(opened.system.takeBack(steps, opened.context.call)).rejects.toMatchObject({ kind: 'unavailable' })
})

test('a finished invoice stays and is told', async () => {
  const steps = stepsInMemory()
  simulator.faults.add({ kind: 'lose', times: 3, match: { path: /finalize$/ } })
  await expect(opened.system.source.create(order(true), opened.context, steps)).rejects.toThrow()
  const { isGone, written } = await opened.system.takeBack(steps, opened.context.call)
  expect(isGone).toBe(false)
  expect(written[0]).toMatchObject({ kind: 'CREATED', record: { kind: 'invoice', id: invoices()[0]?.head.id } })
})
