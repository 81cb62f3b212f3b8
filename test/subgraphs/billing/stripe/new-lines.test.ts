import { expect, test } from 'vitest'
import { addLines, chooseWay, isLinesKey } from '../../../../subgraphs/billing/stripe/new-lines.ts'
import type { CallContext } from '../../../../subgraphs/contract.ts'
import type { AddedLines, NewInvoiceItem } from '../../../../subgraphs/billing/stripe/client.ts'
import { stepsInMemory } from '../../steps.ts'

const call: CallContext = { signal: new AbortController().signal, priority: 'query', spend: () => undefined }

const items: readonly NewInvoiceItem[] = [
  { description: 'Call-out', unitAmount: '100', quantity: '1', currency: 'usd' },
  { description: 'Hours', unitAmount: '8000', quantity: '2.5', currency: 'usd' },
  { price: 'price_1', quantity: '3' },
]

/** Notes the key of each request; ends the run at `lost`, as a crash does. */
function recorder(answer: AddedLines, lost: string | null = null) {
  const keys: string[] = []
  const note = (key: string): void => {
    if (key === lost) throw new Error('the process ended')
    keys.push(key)
  }
  return {
    keys,
    client: {
      addLines: (_invoice: string, _items: unknown, key: string) => {
        note(key)
        return Promise.resolve(answer)
      },
      createInvoiceItem: (_customer: string, _invoice: string, _item: unknown, key: string) => {
        note(key)
        return Promise.resolve()
      },
    },
  }
}

const ports = { customer: 'cus_1', invoice: 'in_1', key: 'k', call }

test('a write that an earlier version began goes on as it was begun: lines with a quantity alone', async () => {
  const steps = stepsInMemory()
  await steps.keep('lines', 'together')
  await steps.step('invoice', 'trace', { send: () => Promise.resolve('in_1') })
  const way = await chooseWay(steps, items.length)
  const { keys, client } = recorder('added')
  await addLines({ ...ports, client, steps }, items, way)
  expect([way, keys]).toEqual(['together', ['k-line-0', 'k-line-1', 'k-line-2']])
})

test('lines that a key was not permitted to send together are not sent together later, when it is', async () => {
  const steps = stepsInMemory()
  const way = await chooseWay(steps, items.length)
  const first = recorder('not-permitted', 'k-line-1')
  await expect(async () => addLines({ ...ports, client: first.client, steps }, items, way)).rejects.toThrow('ended')
  expect(first.keys).toEqual(['k-lines-0-3', 'k-line-0'])
  const second = recorder('added')
  await addLines({ ...ports, client: second.client, steps }, items, await chooseWay(steps, items.length))
  expect(second.keys).toEqual(['k-line-0', 'k-line-1', 'k-line-2'])
  expect([...first.keys, ...second.keys].every(isLinesKey)).toBe(true)
})

test('what is refused together is sent in halves', async () => {
  const steps = stepsInMemory()
  const { keys, client } = recorder('refused')
  await addLines({ ...ports, client, steps }, items, 'all-together')
  expect(keys).toEqual(['k-lines-0-3', 'k-lines-0-2', 'k-line-0', 'k-line-1', 'k-line-2'])
  expect(['k-invoice', 'k-finalize', 'k-lines', 'my-line-of-1'].filter(isLinesKey)).toEqual([])
})
