import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { readShape } from '../../subgraphs/shape-fault.ts'

const digits = z.string().regex(/^\d+$/, 'expected digits')
const person = z.object({ name: z.string().min(1), age: z.int().max(150) })

const cases: readonly (readonly [z.ZodType, unknown, string])[] = [
  [z.string(), undefined, 'expected a string, got nothing'],
  [z.string(), null, 'expected a string, got null'],
  [z.string(), 7, 'expected a string, got a whole number'],
  [z.number(), 'secret', 'expected a number, got a string of 6 characters'],
  [z.number(), Number.NaN, 'expected a number, got no number'],
  [z.boolean(), [], 'expected a boolean, got an empty array'],
  [z.array(z.string()), { a: 1 }, 'expected an array, got an object'],
  [z.record(z.string(), z.string()), true, 'expected an object, got a boolean'],
  [z.int(), 1.5, 'expected a whole number, got a number with a fraction'],
  [z.int(), 2 ** 60, 'expected a number of at most 9007199254740991, got a whole number'],
  [z.int().min(0), -1, 'expected a number of at least 0, got a whole number'],
  [z.number().gt(0), 0, 'expected a number of more than 0, got a whole number'],
  [z.string().min(1), '', 'expected at least 1 character, got an empty string'],
  [z.string().max(3), 'abcd', 'expected at most 3 characters, got a string of 4 characters'],
  [z.array(z.string()).min(1), [], 'expected at least 1 element, got an empty array'],
  [z.enum(['a', 'b']), 'c', 'expected one of "a", "b", got a string of 1 character'],
  [z.literal('event'), 'list', 'expected "event", got a string of 4 characters'],
  [z.iso.date(), 'today', 'expected a day in ISO 8601 (yyyy-mm-dd), got a string of 5 characters'],
  [z.iso.datetime(), 'now', 'expected a time in ISO 8601, got a string of 3 characters'],
  [z.string().regex(/^a/), 'b', 'expected text of the documented form, got a string of 1 character'],
  [digits, 'x', 'expected digits, got a string of 1 character'],
  [z.string().refine(text => text === 'a'), 'b', 'expected a value as documented, got a string of 1 character'],
  [z.strictObject({}), { secret: 1 }, 'expected no other fields than the documented ones'],
  [z.object({ people: z.array(person) }), { people: [{ age: 1 }] }, 'people.0.name: expected a string, got nothing'],
  [z.union([z.number(), digits]), [], 'expected a number or a string, got an empty array'],
  [z.union([z.number(), person]), { name: '', age: 1 }, 'name: expected at least 1 character, got an empty string'],
  [
    z.object({ who: z.union([z.string(), person]) }),
    { who: { name: 'Ada' } },
    'who.age: expected a number, got nothing',
  ],
  [
    z.discriminatedUnion('do', [z.object({ do: z.literal('list') })]),
    { do: 'x' },
    'do: expected "list", got a string of 1 character',
  ],
]

test.each(cases)('%# says what was expected and what came', (schema, value, fault) => {
  expect(readShape(schema, value)).toEqual({ ok: false, fault })
})

test('a value that fits is what the schema makes of it', () => {
  expect(readShape(z.string().transform(Number), '7')).toEqual({ ok: true, value: 7 })
})

test('no other file takes the words of the library: each reads with readShape where a person sees the fault', () => {
  const sources = ['gateway', 'subgraphs', 'schema'].flatMap(folder =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(path =>
      path.endsWith('.ts') && !path.endsWith('generated.ts') ? [join(folder, path)] : [],
    ),
  )
  const taken = sources.filter(path =>
    /\bZodError\b|\.issues\b|prettifyError|treeifyError|flattenError/.test(readFileSync(path, 'utf8')),
  )
  expect(taken).toEqual([join('subgraphs', 'shape-fault.ts')])
})
