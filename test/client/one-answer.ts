import { createServer } from 'node:http'
import { onTestFinished } from 'vitest'
import { nodeIdOf } from '../../schema/node-id.ts'

/** Two records of two tools under one number, as the graph tells of them, each with its own time. */
export const sameNumber = {
  query:
    'query { customer(id: "7") { __typename id links { __typename linkedAt record { __typename nodeId system kind id } } } }',
  data: {
    customer: {
      __typename: 'Customer',
      id: '7',
      links: [
        ['hubspot', 'contact'],
        ['asana', 'task'],
      ].map(([system = '', kind = '']) => ({
        __typename: 'Link',
        linkedAt: '2026-01-31T09:30:00Z',
        record: {
          __typename: 'Record',
          nodeId: nodeIdOf({ type: 'Record', parts: [system, kind, '7'] }),
          system,
          kind,
          id: '7',
        },
      })),
    },
  },
}

/** An address that gives one answer, whatever it is asked; ends with the test. */
export async function answerAlways(answer: object): Promise<string> {
  const server = createServer((request, response) => {
    request.resume()
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/graphql`
}
