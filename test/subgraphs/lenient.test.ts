import { graphql, buildSchema } from 'graphql'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'
import {
  elementOf,
  fieldOf,
  firstField,
  isUnderstood,
  joinFields,
  mapField,
  NotUnderstood,
  readRecord,
  understood,
  valueOrNull,
} from '../../subgraphs/lenient.ts'
import { damaged } from './damage.ts'

const field = fieldOf('stripe')
const element = elementOf('stripe')

const invoice = z.object({
  id: z.string(),
  total: field(z.int()),
  transitions: field(z.object({ paidAt: field(z.int()), voidedAt: field(z.int()) })),
  lines: field(z.array(element(z.object({ id: z.string(), amount: field(z.int()) })))),
})

const raw = {
  id: 'in_1',
  total: 100,
  transitions: { paidAt: 5, voidedAt: null },
  lines: [
    { id: 'il_1', amount: 1 },
    { id: 'il_2', amount: 2 },
  ],
}

const read = (value: unknown) => readRecord('stripe', 'invoice in_1', invoice, value)

test('a missing field and null are not given', () => {
  expect(read({ id: 'in_1', total: null })).toEqual({ id: 'in_1', total: null, transitions: null, lines: null })
})

test('a field that is not as documented is not understood, and says where it stands without its value', () => {
  const { total, transitions, lines } = read({
    ...raw,
    total: 'a lot',
    transitions: { paidAt: 'today', voidedAt: 7 },
    lines: [raw.lines[0], { id: 'il_2', amount: [] }, 'x'],
  })
  expect(total).toBeInstanceOf(NotUnderstood)
  expect(String(total)).toContain(
    'stripe: invoice in_1: total: expected a number, got a string of 5 characters; see records.ts',
  )
  expect(String(total)).not.toContain('a lot')
  const { paidAt, voidedAt } = understood(transitions) ?? {}
  expect(String(paidAt)).toContain('invoice in_1: transitions.paidAt: ')
  expect(voidedAt).toBe(7)
  const [first, second, third] = understood(lines) ?? []
  expect(first).toEqual(raw.lines[0])
  expect(second).toMatchObject({ id: 'il_2', amount: expect.any(NotUnderstood) })
  expect(third).toMatchObject({ message: expect.stringContaining('invoice in_1: lines.2: ') })
})

test('only what tells which record it is fails the record', () => {
  expect(() => read({ ...raw, id: 5 })).toThrow('stripe: invoice in_1: id: expected a string, got a whole number')
  expect(() => read(null)).toThrow('invoice in_1: expected an object, got null')
  fc.assert(
    fc.property(
      damaged(raw, path => path[0] === 'id'),
      ({ path, record }) => {
        const { id, total, transitions, lines } = read(record)
        expect(id).toBe('in_1')
        if (path[0] !== 'total') expect(total).toBe(100)
        if (path[0] !== 'transitions') expect(transitions).toEqual(raw.transitions)
        if (path[0] !== 'lines') expect(lines).toEqual(raw.lines)
      },
    ),
  )
})

test('what is made of fields keeps the difference', () => {
  const broken = new NotUnderstood('stripe', 'expected a number')
  expect(mapField<number, number>(2, value => value * 2)).toBe(4)
  expect(mapField<number, number>(null, value => value * 2)).toBe(null)
  expect(mapField<number, number>(broken, value => value * 2)).toBe(broken)
  expect(joinFields<number, number, number>(1, 2, (a, b) => a + b)).toBe(3)
  expect(joinFields<number, number, number>(null, broken, (a, b) => a + b)).toBe(broken)
  expect(joinFields<number, number, number>(1, null, (a, b) => a + b)).toBe(null)
  expect(firstField<number>(null, broken, 3)).toBe(3)
  expect(firstField<number>(null, broken)).toBe(broken)
  expect(firstField<number>(null, null)).toBe(null)
  expect(valueOrNull<number>(broken)).toBe(null)
  expect(isUnderstood<number>(null)).toBe(true)
  expect(() => understood<number>(broken)).toThrow(broken)
  expect(broken.isPassing).toBe(false)
})

test('handed to a client it is the error of its field alone', async () => {
  const { total, transitions } = read({ ...raw, total: {} })
  const answer = await graphql({
    schema: buildSchema('type Query { total: Int transitions: Transitions } type Transitions { paidAt: Int }'),
    source: '{ total transitions { paidAt } }',
    rootValue: { total, transitions },
  })
  expect(answer.data).toEqual({ total: null, transitions: { paidAt: 5 } })
  expect(answer.errors?.map(({ path, originalError }) => [path, originalError])).toEqual([[['total'], total]])
})
