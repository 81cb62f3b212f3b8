import { serverAudits } from 'graphql-http'
import { expect, test } from 'vitest'
import { startWorld } from './world.ts'

test('the suite of GraphQL over HTTP finds nothing here that should be otherwise', async () => {
  const world = await startWorld({ waitsForImport: false })
  const found: string[] = []
  const audits = serverAudits({ url: `${world.gateway.url}/graphql`, fetchFn: fetch })
  for (const audit of audits) {
    const result = await audit.fn()
    if (result.status !== 'ok') found.push(`${result.status}: ${result.name}: ${result.reason}`)
  }
  expect(audits.length).toBeGreaterThan(60)
  expect(found).toEqual([])
})
