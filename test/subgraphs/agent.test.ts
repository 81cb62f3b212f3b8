import { createServer, request } from 'node:http'
import type { RequestListener } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import Stripe from 'stripe'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { mostAnswerBytes, openAgent } from '../../subgraphs/agent.ts'
import type { VendorAgent } from '../../subgraphs/agent.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function serve(listener: RequestListener): Promise<{ port: number; connections(): number; begun(): number }> {
  const server = createServer(listener)
  let connections = 0
  let begun = 0
  server.on('connection', socket => {
    connections += 1
    begun += 1
    socket.on('close', () => (connections -= 1))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return { port: address.port, connections: () => connections, begun: () => begun }
}

function open(): VendorAgent {
  const agent = openAgent(false)
  closers.push(() => agent.close())
  return agent
}

/** @returns the length of the answer */
function get({ agent }: VendorAgent, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent }, response => {
      let bytes = 0
      response.on('data', (chunk: Buffer) => (bytes += chunk.length))
      response.on('end', () => resolve(bytes))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

const unexpected = (): never => {
  throw new Error('no answer was expected to be too large')
}

describe('the agent', () => {
  it('bounds each answer, and not what comes over a connection in all', async () => {
    const vendor = await serve((_, response) => response.end(Buffer.alloc(3 * 1024 * 1024)))
    const agent = open()
    for (let time = 0; time < 4; time += 1) {
      const scope = agent.open(unexpected)
      expect(await scope.run(() => get(agent, vendor.port))).toBe(3 * 1024 * 1024)
      scope.end()
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(vendor.begun()).toBe(1)
  })

  it.each([0, 1, 3 * 1024 * 1024])(
    'destroys a request whose answer is too large by %d bytes and its headers',
    async bytes => {
      const vendor = await serve((_, response) => response.end(Buffer.alloc(mostAnswerBytes + bytes)))
      const agent = open()
      const onTooLarge = vi.fn()
      const [end] = await Promise.allSettled([agent.open(onTooLarge).run(() => get(agent, vendor.port))])
      expect(onTooLarge).toHaveBeenCalledOnce()
      // An answer whose last chunk passed the bound may be whole for the SDK; the call has failed before.
      if (bytes > 1024) expect(end.status).toBe('rejected')
      await vi.waitUntil(() => vendor.connections() === 0)
    },
  )

  it('ends the requests of one scope and leaves all others alone', async () => {
    const responses: (() => void)[] = []
    const vendor = await serve((_, response) => responses.push(() => response.end('ok')))
    const agent = open()
    const [ending, going] = [agent.open(unexpected), agent.open(unexpected)]
    const ended = expect(ending.run(() => get(agent, vendor.port))).rejects.toThrow('has ended')
    const answered = going.run(() => get(agent, vendor.port))
    const outside = get(agent, vendor.port)
    await vi.waitUntil(() => responses.length === 3)
    ending.end()
    await ended
    for (const respond of responses) respond()
    expect(await Promise.all([answered, outside])).toEqual([2, 2])
  })

  it('sends nothing for a scope that has ended', async () => {
    const listener = vi.fn<RequestListener>((_, response) => response.end())
    const vendor = await serve(listener)
    const agent = open()
    const scope = agent.open(unexpected)
    scope.end()
    await expect(scope.run(() => get(agent, vendor.port))).rejects.toThrow('has ended')
    expect(listener).not.toHaveBeenCalled()
  })

  it("ends what the vendor's own SDK sends, while its answer trickles in", async () => {
    const vendor = await serve((_, response) => {
      const drip = setInterval(() => response.write(' '), 5)
      response.on('close', () => clearInterval(drip))
    })
    const agent = open()
    const stripe = new Stripe('sk_test_1', {
      host: '127.0.0.1',
      port: vendor.port,
      protocol: 'http',
      httpAgent: agent.agent,
      maxNetworkRetries: 0,
      telemetry: false,
    })
    const scope = agent.open(unexpected)
    const failed = expect(scope.run(async () => stripe.customers.retrieve('cus_1'))).rejects.toThrow()
    await vi.waitUntil(() => vendor.connections() === 1)
    scope.end()
    await failed
    await vi.waitUntil(() => vendor.connections() === 0)
  })

  it('speaks TLS where the account does', () => {
    const agent = openAgent(true)
    closers.push(() => agent.close())
    expect(agent.agent).toBeInstanceOf(HttpsAgent)
  })
})
