import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const docs = readFileSync('docs/clients.md', 'utf8')

test('the code in docs/clients.md is that of the files that run here', () => {
  const blocks = [...docs.matchAll(/<!-- (test\/client\/\S+) -->\n\n```ts\n([\s\S]+?)\n```/g)]
  expect(blocks.map(([, path]) => path)).toEqual([
    'test/client/tada.ts',
    'test/client/apollo.ts',
    'test/client/urql.ts',
    'test/client/example.ts',
  ])
  for (const [, path = '', code = ''] of blocks) {
    const lines = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()
    expect(lines(readFileSync(path, 'utf8')), path).toContain(lines(code))
  }
})

test('docs/clients.md says of each scalar what it is, to people and to each generator', () => {
  const scalars = [...readFileSync('schema/api.graphql', 'utf8').matchAll(/^scalar (\w+)/gm)].map(
    ([, name = '']) => name,
  )
  expect(scalars).toContain('DateTime')
  for (const scalar of scalars) {
    expect(docs, scalar).toMatch(new RegExp(`^\\| .*\`${scalar}\``, 'm'))
    // The client preset, gql.tada and Relay.
    expect(docs.match(new RegExp(`\\b${scalar}"?: ['"]?(string|number)`, 'g')), scalar).toHaveLength(3)
  }
})
