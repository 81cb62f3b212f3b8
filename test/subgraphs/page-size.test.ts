import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openPageSize } from '../../subgraphs/page-size.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'

const timeout = (): VendorError => new VendorError('stripe', 'timeout', 'too slow')

/** A vendor that cannot answer pages of more than `most` records. @returns the limits it was asked for */
async function pagesOf(most: (page: number) => number, pages: number): Promise<readonly number[]> {
  const size = openPageSize(100)
  const asked: number[] = []
  for (let page = 0; page < pages; page += 1) {
    await size.ask(async limit => {
      asked.push(limit)
      if (limit > most(page)) throw timeout()
    })
  }
  return asked
}

test('a page that took too long is asked for with half as many records, until it comes', async () => {
  expect(await pagesOf(() => 20, 2)).toEqual([100, 50, 25, 12, 12])
})

test('after five pages in a row twice as many are asked for, up to the most', async () => {
  const asked = await pagesOf(page => (page === 0 ? 30 : 100), 20)
  expect(asked).toEqual([
    100,
    50,
    ...Array<number>(5).fill(25),
    ...Array<number>(5).fill(50),
    ...Array<number>(10).fill(100),
  ])
})

test('a page that is too large to read is asked for again, smaller', async () => {
  const size = openPageSize(100)
  const tooLarge = new VendorError('stripe', 'unreadable', 'over 8 MiB', { isTooMuch: true })
  expect(await size.ask(limit => (limit > 50 ? Promise.reject(tooLarge) : Promise.resolve(limit)))).toBe(50)
})

test.each([
  new VendorError('stripe', 'unavailable', 'down'),
  new VendorError('stripe', 'rejected', 'no'),
  new Error('bug'),
])('what a smaller page would not mend is passed on at once: %s', async error => {
  const size = openPageSize(100)
  let asked = 0
  const ask = (): Promise<never> => {
    asked += 1
    return Promise.reject(error)
  }
  await expect(size.ask(ask)).rejects.toBe(error)
  expect(asked).toBe(1)
})

test('a page of one record that takes too long is the fault of the vendor', async () => {
  await expect(pagesOf(() => 0, 1)).rejects.toMatchObject({ kind: 'timeout' })
})

test('whatever the vendor can answer, each page comes and no more than the most is asked for', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 60 }), async most => {
      const asked = await pagesOf(page => most[page] ?? 1, most.length)
      expect(asked.every(limit => limit >= 1 && limit <= 100)).toBe(true)
      // Seven halvings lead from a hundred to one.
      expect(asked.length).toBeLessThanOrEqual(most.length * 8)
    }),
  )
})
