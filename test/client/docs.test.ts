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
