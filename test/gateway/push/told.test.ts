import { expect, test } from 'vitest'
import { sentAfter, tellsMore, valuesOf } from '../../../gateway/push/told.ts'

const shape = {
  root: 'orderChanged',
  changes: ['change'],
  selectsEntity: true,
  fields: [
    { name: 'status', path: ['order', 'state'] as const },
    { name: 'memo', path: ['order', 'memo'] as const },
  ],
}

const frame = (state: string, memo: string, named: readonly string[] | null) => ({
  fingerprint: `${state} ${memo}`,
  values: valuesOf({ orderChanged: { change: {}, order: { state, memo } } }, shape),
  named: named === null ? null : new Set(named),
})

test('a Change that an earlier frame showed already is told still, once, by the field it names', () => {
  const first = sentAfter(undefined, frame('OPEN', '', null))
  const both = frame('PAID', 'x', ['memo'])
  expect(tellsMore(first, both)).toBe(true)
  const second = sentAfter(first, both)
  const paid = frame('PAID', 'x', ['status', 'paidAt'])
  expect(tellsMore(second, paid)).toBe(true)
  const third = sentAfter(second, paid)
  expect(tellsMore(third, paid)).toBe(false)
  expect(tellsMore(third, frame('PAID', 'x', ['memo']))).toBe(false)
})

test('what names fields that nobody selected, or names none, tells nothing more of equal data', () => {
  const sent = sentAfter(undefined, frame('OPEN', '', null))
  expect(tellsMore(sent, frame('OPEN', '', ['number']))).toBe(false)
  expect(tellsMore(sent, frame('OPEN', '', null))).toBe(false)
})
