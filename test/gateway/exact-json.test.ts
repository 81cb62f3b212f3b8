import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readJson, withExactIntegers } from '../../gateway/exact-json.ts'

test.each([
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', '9007199254740992'],
  ['9007199254740993', '9007199254740993'],
  ['-9007199254740993', '-9007199254740993'],
  ['12345678901234567890123', '12345678901234567890123'],
  ['1.2345678901234567e30', '1.2345678901234567e30'],
  ['4.0000000000000000001', '4.0000000000000000001'],
  ['0.12345678901234567', Number('0.12345678901234567')],
  ['1000000000000000', 1_000_000_000_000_000],
  ['1e3', 1000],
  ['-0', -0],
])('%s is read as what was sent, or as its digits', (text, value) => {
  expect(readJson(text)).toEqual({ value })
  expect(readJson(`{"a":[{"b":${text}},${text}]}`)).toEqual({ value: { a: [{ b: value }, value] } })
})

test('digits within texts stay as they are, escaped quotes and backslashes around them', () => {
  for (const text of [
    '9007199254740993',
    'a "9007199254740993',
    '\\',
    '\\"9007199254740993\\',
    '{9007199254740993:1}',
  ]) {
    const value = { [text]: [text, 1], after: text }
    expect(readJson(JSON.stringify(value))).toEqual({ value })
  }
})

test('what is no JSON does not become some', () => {
  for (const text of ['{9007199254740993:1}', '09007199254740993', '90071992547409931-', '', '{', '9007199254740993 1'])
    expect(readJson(text)).toBe('no JSON')
})

test('half of a surrogate pair is found wherever a text may stand; whole ones are characters', () => {
  for (const text of ['"\\ud800"', '"a\\uDC00b"', '{"a":[{"b":"\\ud83d"}]}', '{"\\ud800":1}', '"\\ude00\\ud83d"'])
    expect(readJson(text)).toBe('lone surrogate')
  for (const text of ['"\\ud83d\\ude00"', '"\\\\ud800"', '"😀"'])
    expect(readJson(text)).toEqual({ value: JSON.parse(text) })
})

test('whatever texts stand around it, an integer that a number cannot hold becomes its digits, and nothing else changes', () => {
  const leaf = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.boolean(), fc.constant(null))
  const json = fc.dictionary(fc.string(), fc.array(leaf))
  const large = fc.bigInt({ min: 2n ** 53n, max: 2n ** 90n })
  fc.assert(
    fc.property(json, large, json, (before, number, after) => {
      const text = `[${JSON.stringify(before)},${number},${JSON.stringify(after)},-${number}]`
      expect(JSON.parse(withExactIntegers(text))).toEqual(
        JSON.parse(`[${JSON.stringify(before)},"${number}",${JSON.stringify(after)},"-${number}"]`),
      )
    }),
  )
})
