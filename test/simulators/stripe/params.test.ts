import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { previousAttributes } from './events.ts'
import { paramsOf, readForm } from './params.ts'
import type { Params } from './params.ts'

describe('forms', () => {
  test('brackets nest, and an object comes back as it was sent', () => {
    const form = readForm(new URLSearchParams('metadata[crm_id]=1&expand[]=a&expand[]=b&lines[1][amount]=2&x='))
    expect(plain(form)).toEqual({
      metadata: { crm_id: '1' },
      expand: { 0: 'a', 1: 'b' },
      lines: { 1: { amount: '2' } },
      x: '',
    })
    const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null))
    const key = fc.oneof(fc.stringMatching(/^[a-z_]{1,8}$/), fc.constant('__proto__'))
    fc.assert(
      fc.property(fc.array(fc.tuple(key, key, leaf)), rows => {
        const sent = new Map(
          rows.map(([outer, inner, value]) => [`${outer}[${inner}]`, value === null ? '' : String(value)]),
        )
        const fromObject = paramsOf(nest(rows))
        expect(plain(readForm(sent))).toEqual(plain(fromObject))
      }),
    )
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })

  test('hostile names do not break the reading of a form', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ unit: fc.constantFrom('a', '[', ']', '0') }), fc.string())), pairs => {
        expect(() => readForm(pairs)).not.toThrow()
      }),
    )
  })

  test('previous attributes put back make what was there before', () => {
    const record = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(fc.integer(), fc.constant(null)))
    fc.assert(
      fc.property(record, record, (before, after) => {
        const restored = { ...after, ...previousAttributes(before, after) }
        for (const field of ['a', 'b', 'c']) expect(restored[field] ?? null).toBe(before[field] ?? null)
      }),
    )
  })
})

function plain(params: Params): Record<string, unknown> {
  return Object.fromEntries(
    [...params].map(([name, value]) => [name, typeof value === 'string' ? value : plain(value)]),
  )
}

function nest(rows: readonly (readonly [string, string, unknown])[]): object {
  const outer = new Map<string, Map<string, unknown>>()
  for (const [name, inner, value] of rows)
    outer.set(name, (outer.get(name) ?? new Map<string, unknown>()).set(inner, value))
  return Object.fromEntries([...outer].map(([name, inner]) => [name, Object.fromEntries(inner)]))
}
