import { readFileSync } from 'node:fs'
import { getOperationAST, parse } from 'graphql'
import { describe, expect, test } from 'vitest'
import { openDocuments } from '../../../gateway/graph/documents.ts'
import { Planner, type AskedPlan } from '../../../gateway/graph/planner.ts'

function asked(customers: number, prefix: string): AskedPlan {
  const fields = Array.from(
    { length: customers },
    (_, at) =>
      `c${at}: customer(id: "${prefix}${at}") { id name orders(first: 2) { nodes { id number } } jobs(first: 2) { nodes { id title } } }`,
  )
  const text = `query { ${fields.join(' ')} }`
  const document = parse(text)
  const operation = getOperationAST(document)
  if (operation == null) throw new Error('expected one operation')
  return { document, queryHash: text, operation, variables: {} }
}

describe('what is kept of operations is bounded by its memory, however many different ones are sent:', () => {
  test('plans', () => {
    const planner = new Planner(readFileSync('schema/supergraph.graphql', 'utf8'), { maxPlanBytes: 300_000 })
    const small = asked(1, 'small')
    planner.plan(small)
    const kept: AskedPlan[] = []
    for (let at = 0; at < 30; at += 1) {
      const large = asked(3, `${at} `)
      planner.plan(large)
      if (at % 2 === 0) planner.plan(small)
      kept.push(large)
    }
    const known = kept.filter(one => planner.knows(one))
    // About 30 kB each.
    expect(known.length).toBeGreaterThan(3)
    expect(known.length).toBeLessThan(20)
    expect([planner.knows(small), planner.knows(kept.at(-1) ?? small)]).toEqual([true, true])
  })

  test('parsed documents', async () => {
    const documents = openDocuments()
    const { document } = asked(20, 'x')
    const names = Array.from({ length: 1000 }, (_, at) => `${at}`)
    for (const name of names) await documents.set(name, document)
    const known = await Promise.all(names.map(name => documents.get(name)))
    const count = known.filter(one => one !== undefined).length
    expect(count).toBeGreaterThan(50)
    expect(count).toBeLessThan(500)
    expect(await documents.get('999')).toBe(document)
  })
})
