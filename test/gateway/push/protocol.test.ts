import { expect, test } from 'vitest'
import { chosenProtocol } from '../../../gateway/push/protocol.ts'

test.each([
  [['graphql-transport-ws'], 'graphql-transport-ws'],
  [['graphql-ws', 'graphql-transport-ws'], 'graphql-transport-ws'],
  [['graphql-ws', 'mqtt'], 'graphql-ws'],
  [[], false],
])('of the offered %j it agrees on %s', (offered, chosen) => {
  expect(chosenProtocol(new Set(offered))).toBe(chosen)
})
