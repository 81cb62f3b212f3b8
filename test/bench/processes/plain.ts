import { createServer } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import { z } from 'zod'
import { answerParent, optionsOf } from './messages.ts'

/**
 * The least a server can do: it answers every query with one text, and passes on the phone in a webhook to whoever
 * watches the customer. Nothing is verified, stored, read or planned.
 */
const options = optionsOf(z.object({ answer: z.string().default('{}') }))

const webhook = z.array(z.object({ objectId: z.number(), propertyValue: z.string() }))

const message = z.object({
  type: z.string(),
  id: z.string().optional(),
  payload: z.object({ variables: z.object({ id: z.string() }) }).optional(),
})

const watchers = new Map<string, { readonly socket: WebSocket; readonly id: string }[]>()
const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'graphql-transport-ws' })

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    response.setHeader('content-type', 'application/json; charset=utf-8')
    if (request.url === '/graphql') {
      response.end(options.answer)
      return
    }
    response.end()
    for (const { objectId, propertyValue } of webhook.parse(JSON.parse(Buffer.concat(chunks).toString()))) {
      for (const { socket, id } of watchers.get(String(objectId)) ?? []) {
        socket.send(frameOf(id, String(objectId), propertyValue, 'UPDATED'))
      }
    }
  })
})
server.on('upgrade', (request, socket, head) => {
  sockets.handleUpgrade(request, socket, head, client => {
    client.on('message', data => {
      const text = Buffer.isBuffer(data) ? data.toString() : ''
      const { type, id, payload } = message.parse(JSON.parse(text))
      if (type === 'connection_init') client.send(JSON.stringify({ type: 'connection_ack' }))
      if (type !== 'subscribe' || id === undefined || payload === undefined) return
      const customer = payload.variables.id
      watchers.set(customer, [...(watchers.get(customer) ?? []), { socket: client, id }])
      client.send(frameOf(id, customer, '', 'CURRENT'))
    })
  })
})
await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
const address = server.address()
const port = typeof address === 'object' && address !== null ? address.port : 0

answerParent(
  () => {
    const { user, system } = process.cpuUsage()
    return Promise.resolve({ url: `http://127.0.0.1:${port}`, cpuMs: (user + system) / 1000 })
  },
  () => {
    server.closeAllConnections()
    for (const client of sockets.clients) client.terminate()
    return Promise.resolve()
  },
)

function frameOf(id: string, customer: string, phone: string, kind: string): string {
  const change = { kind, fields: ['phone'], system: 'hubspot', cursor: 'Y2hhbmdlOjEyMzQ1' }
  const orders = { nodes: [{ id: 'in_000000000000000000000123' }] }
  const data = { customerChanged: { change, customer: { id: customer, phone, orders } } }
  return JSON.stringify({ id, type: 'next', payload: { data } })
}
