import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** Words with which a sentence does not say who does something, or that a reader of plain technical English has to guess. */
const riddles =
  /\b(somebody|nobody|whoever|whom|so many|for good|all the same|gone on with|come round|comes round|(?:is|are|was|were) told)\b/gi

function filesBelow(folder: string, ending: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(path =>
    path.endsWith(ending) ? [join(folder, path)] : [],
  )
}

const read = [
  'README.md',
  '.env.example',
  ...filesBelow('docs', '.md'),
  ...['gateway', 'subgraphs', 'schema'].flatMap(folder => [
    ...filesBelow(folder, '.graphql'),
    ...filesBelow(folder, '.md'),
  ]),
]

test.each(read)('%s says plainly who does what', path => {
  expect(readFileSync(path, 'utf8').match(riddles) ?? []).toEqual([])
})

test('each page of the docs says in its first lines for whom it is', () => {
  const without = filesBelow('docs', '.md').filter(path => {
    const [, , first = ''] = readFileSync(path, 'utf8').split('\n')
    return !first.startsWith('For ')
  })
  expect(without).toEqual([])
})
