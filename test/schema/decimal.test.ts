import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decimalOf, isWhole, jsonOf, rounded, shifted } from '../../schema/decimal.ts'
import { minorDecimals, moneyOf } from '../../schema/values.ts'

test.each([
  ['2.50', '2.5'],
  ['+007', '7'],
  ['-0.0', '0'],
  [' 13580246790 ', '13580246790'],
  [1e-12, '0.000000000001'],
  ['1.5e3', '1500'],
  [0.1, '0.1'],
  ['', null],
  ['abc', null],
  ['1,5', null],
  ['1e999', null],
  [Number.NaN, null],
  [Infinity, null],
  [{}, null],
  ['9'.repeat(41), null],
])('%j is spelled %j', (value, decimal) => {
  expect(decimalOf(value)).toBe(decimal)
})

test('moving the point there and back gives the same number', () => {
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.integer({ min: -12, max: 12 }), (number, places) => {
      expect(shifted(shifted(String(number), places), -places)).toBe(String(number))
    }),
  )
  expect([shifted('150', -2), shifted('5', -2), shifted('-1', -2), shifted('1.5', 2), shifted('0', -2)]).toEqual([
    '1.5',
    '0.05',
    '-0.01',
    '150',
    '0',
  ])
})

test('half of one is rounded away from zero, and what no number holds is none', () => {
  expect(['1.5', '-1.5', '0.4', '-0.4', '9007199254740992'].map(rounded)).toEqual([2, -2, 0, 0, null])
  expect(isWhole('3')).toBe(true)
  expect(isWhole('0.5')).toBe(false)
})

test('JSON has a number where that holds every digit, else text', () => {
  expect(['2.5', '13580246790', '0.000000000001', '9007199254740991'].map(jsonOf)).toEqual([
    2.5, 13580246790, 1e-12, 9007199254740991,
  ])
  expect(['123456789012.123456789012', '9007199254740993'].map(jsonOf)).toEqual([
    '123456789012.123456789012',
    '9007199254740993',
  ])
  fc.assert(
    fc.property(fc.bigInt(-(10n ** 30n), 10n ** 30n), fc.integer({ min: -12, max: 0 }), (number, places) => {
      const decimal = shifted(String(number), places)
      expect(decimalOf(jsonOf(decimal))).toBe(decimal)
    }),
  )
})

test('money keeps the parts of its minor unit beside the rounded amount', () => {
  expect(moneyOf('500', 'isk')).toEqual({ amount: 500, currency: 'ISK' })
  expect(moneyOf('1.5', 'isk')).toEqual({ amount: 2, currency: 'ISK', exact: '1.5' })
  expect(moneyOf('9007199254740992', 'eur')).toBe(null)
  expect(['EUR', 'jpy', 'isk', 'ugx', 'huf', 'twd', 'kwd'].map(minorDecimals)).toEqual([2, 0, 0, 0, 2, 2, 3])
})
