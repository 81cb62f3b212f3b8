import { expect, test } from 'vitest'
import { cursorOf, cursorSequence } from '../../../gateway/graph/cursor.ts'

test('a cursor comes back as the sequence it was made of', () => {
  for (const sequence of [0, 1, 999_999_999_999]) expect(cursorSequence(cursorOf(sequence))).toBe(sequence)
})

test.each([
  '',
  'x',
  'YzE6',
  Buffer.from('c1:-1').toString('base64url'),
  Buffer.from('c2:1').toString('base64url'),
  '\u0000',
])('text that is no cursor is refused: %j', text =>
  expect(() => cursorSequence(text)).toThrow(/expected the cursor of a frame/),
)
