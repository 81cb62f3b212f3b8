import { createServer, request } from 'node:http'
import type { Server, ServerResponse } from 'node:http'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { openVendorCalls } from '../../subgraphs/call.ts'
import type { OpenVendorCalls, VendorCallSettings } from '../../subgraphs/call.ts'
import type { CallContext, LimitPool, VendorOperation } from '../../subgraphs/contract.ts'
import { VendorError } from '../../subgraphs/vendor-error.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

class Refused extends Error {
  readonly kind = 'rejected'
}

function open(settings: Partial<VendorCallSettings> = {}, pools?: LimitPool[]): OpenVendorCalls {
  const calls = openVendorCalls({
    system: 'stripe',
    pools: pools ?? [{ name: 'all', limit: 1_000, windowMs: 1_000 }],
    toVendorError: error => {
      if (error instanceof Refused) return new VendorError('stripe', 'rejected', 'refused')
      if (error instanceof Error && 'code' in error) return new VendorError('stripe', 'unavailable', 'no connection')
      return error instanceof Error ? error : new Error(String(error))
    },
    isTls: false,
    clock: { now: () => new Date() },
    random: () => 0,
    settings: { tryTimeoutMs: 100, totalTimeoutMs: 1_000, listTimeoutMs: 400, writeTimeoutMs: 200, ...settings },
  })
  closers.push(() => calls.close())
  return calls
}

const read: VendorOperation = { name: 'test.read', cost: { all: 1 }, repeatable: true, kind: 'look-up' }
const write: VendorOperation = { name: 'test.write', cost: { all: 1 }, repeatable: false, kind: 'write' }
const list: VendorOperation = { name: 'test.list', cost: { all: 1 }, repeatable: true, kind: 'list' }

function context(signal: AbortSignal = new AbortController().signal): CallContext & { readonly spent: string[] } {
  const spent: string[] = []
  return { priority: 'query', signal, spent, spend: (system, pool, cost) => spent.push(`${system} ${pool} ${cost}`) }
}

async function serve(
  answer: (response: ServerResponse) => void,
): Promise<{ port: number; server: Server; open(): number }> {
  const server = createServer((_, response) => answer(response))
  let connections = 0
  server.on('connection', socket => {
    connections += 1
    socket.on('close', () => (connections -= 1))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('expected a port')
  return { port: address.port, server, open: () => connections }
}

/** An SDK that knows nothing of signals or deadlines. */
function get(calls: OpenVendorCalls, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, agent: calls.agent }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve(Buffer.concat(chunks).toString()))
      response.on('error', reject)
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(resolve => setTimeout(resolve, 2))
}

const kind = (expected: string): unknown => expect.objectContaining({ name: 'VendorError', kind: expected })

describe('a vendor that misbehaves', () => {
  it('and never answers costs one deadline a try, and leaves no connection behind', async () => {
    const vendor = await serve(() => undefined)
    const calls = open()
    const mine = context()
    await expect(calls.call(read, mine, () => get(calls, vendor.port))).rejects.toEqual(kind('timeout'))
    expect(mine.spent).toEqual(Array(3).fill('stripe all 1'))
    await until(() => vendor.open() === 0)
  })

  it('and trickles a byte at a time is cut off at the deadline', async () => {
    const vendor = await serve(response => {
      const drip = setInterval(() => response.write('.'), 10)
      response.on('close', () => clearInterval(drip))
    })
    const calls = open()
    const began = performance.now()
    await expect(calls.call(write, context(), () => get(calls, vendor.port))).rejects.toEqual(kind('timeout'))
    expect(performance.now() - began).toBeLessThan(500)
    await until(() => vendor.open() === 0)
  })

  it('and streams for ever is cut off at 8 MiB', async () => {
    let sentBytes = 0
    const vendor = await serve(response => {
      const chunk = Buffer.alloc(1 << 20)
      const pour = (): void => {
        while (!response.destroyed && response.write(chunk)) sentBytes += chunk.length
        sentBytes += chunk.length
      }
      response.on('drain', pour)
      pour()
    })
    const calls = open({ tryTimeoutMs: 3_000, totalTimeoutMs: 5_000 })
    await expect(calls.call(write, context(), () => get(calls, vendor.port))).rejects.toEqual(kind('unreadable'))
    await until(() => vendor.open() === 0)
    expect(sentBytes).toBeLessThan(64 << 20)
  })

  it('and an SDK that sends again on its own reach nothing after the deadline', async () => {
    let requests = 0
    const vendor = await serve(() => (requests += 1))
    const calls = open()
    const stubborn = async (): Promise<string> => {
      for (;;) {
        try {
          return await get(calls, vendor.port)
        } catch (error) {
          stubbornTries += 1
          if (stubbornTries === 5) throw error
        }
      }
    }
    let stubbornTries = 0
    await expect(calls.call(write, context(), stubborn)).rejects.toEqual(kind('timeout'))
    await until(() => stubbornTries === 5)
    expect(requests).toBe(1)
  })

  it('is left alone after five faults, and asked again after a while', async () => {
    const calls = open()
    let sent = 0
    const fail = async (): Promise<never> => {
      sent += 1
      throw new VendorError('stripe', 'unavailable', 'down')
    }
    await expect(calls.call(read, context(), fail)).rejects.toEqual(kind('unavailable'))
    await expect(calls.call(read, context(), fail)).rejects.toEqual(kind('unavailable'))
    expect(sent).toBe(5)
    expect(calls.status().isReachable).toBe(false)
    const last: unknown = await calls.call(write, context(), fail).catch((error: unknown) => error)
    expect(last).toEqual(kind('unavailable'))
    expect(last instanceof VendorError ? last.retryAfterMs : 0).toBeGreaterThan(4_000)
    expect(sent).toBe(5)
  })
})

describe('a slow vendor', () => {
  const patient = (priority: CallContext['priority']): CallContext => ({ ...context(), priority })

  it('has twice as long for each try after a timeout', async () => {
    const calls = open({ tryTimeoutMs: 40 })
    const timeouts: number[] = []
    const never = calls.call(read, context(), ({ timeoutMs }) => {
      timeouts.push(timeoutMs)
      return new Promise(() => undefined)
    })
    await expect(never).rejects.toEqual(kind('timeout'))
    expect(timeouts).toEqual([40, 80, 160])
  })

  it('has longer for a page of a list than for a look-up, where no client waits', async () => {
    const calls = open({ tryTimeoutMs: 50, listTimeoutMs: 5_000 })
    const vendor = await serve(response => setTimeout(() => response.end('page'), 120))
    expect(await calls.call(list, patient('background'), () => get(calls, vendor.port))).toBe('page')
    const timeoutOf = async (one: VendorOperation, priority: CallContext['priority']): Promise<number> =>
      calls.call(one, patient(priority), ({ timeoutMs }) => Promise.resolve(timeoutMs))
    expect(await timeoutOf(list, 'query')).toBe(50)
    expect(await timeoutOf(read, 'background')).toBe(50)
    expect(await timeoutOf(write, 'query')).toBe(200)
  })

  it('is asked for a page once, so that fewer records can be asked for', async () => {
    const calls = open({ listTimeoutMs: 50 })
    let sent = 0
    const page = calls.call(list, patient('background'), () => {
      sent += 1
      return new Promise(() => undefined)
    })
    await expect(page).rejects.toMatchObject({ kind: 'timeout', isTooMuch: true })
    expect(sent).toBe(1)
  })

  it('that is slow in one kind of request is still asked for the others', async () => {
    const calls = open({ listTimeoutMs: 10 })
    const ask = (): Promise<unknown> =>
      calls.call(list, patient('background'), () => new Promise(() => undefined)).catch((error: unknown) => error)
    for (let time = 0; time < 5; time += 1) expect(await ask()).toEqual(kind('timeout'))
    // Nothing has been answered since: as far as is known it is away.
    expect(calls.status().isReachable).toBe(false)
    expect(await ask()).toMatchObject({ kind: 'unavailable' })
    expect(await calls.call(read, context(), async () => 'answered')).toBe('answered')
    expect(calls.status().isReachable).toBe(true)
    expect(await ask()).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('test.list') })
  })
})

describe('a call', () => {
  it('keeps connections that were answered', async () => {
    const vendor = await serve(response => response.end('ok'))
    const calls = open()
    for (let time = 0; time < 5; time += 1) {
      expect(await calls.call(read, context(), () => get(calls, vendor.port))).toBe('ok')
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(vendor.open()).toBe(1)
  })

  it('rejects at its deadline when the SDK never settles, and tells the attempt', async () => {
    const calls = open()
    const attempts: AbortSignal[] = []
    const never = calls.call(read, context(), ({ signal }) => {
      attempts.push(signal)
      return new Promise(() => undefined)
    })
    await expect(never).rejects.toEqual(kind('timeout'))
    expect(attempts.map(signal => signal.aborted)).toEqual([true, true, true])
  })

  it('is tried again after a passing fault and not after a refusal', async () => {
    const calls = open()
    const mine = context()
    const numbers: number[] = []
    const answer = await calls.call(read, mine, async ({ number }) => {
      numbers.push(number)
      if (number < 3) throw new VendorError('stripe', 'unavailable', 'down')
      return 'up'
    })
    expect([answer, numbers, mine.spent.length]).toEqual(['up', [1, 2, 3], 3])
    const refuse = calls.call(read, mine, async () => {
      throw new Refused()
    })
    await expect(refuse).rejects.toEqual(kind('rejected'))
    expect(mine.spent).toHaveLength(4)
  })

  it('that is not repeatable is sent once, and goes on when its context is aborted', async () => {
    const calls = open()
    let sent = 0
    const fail = calls.call(write, context(), async () => {
      sent += 1
      throw new VendorError('stripe', 'unavailable', 'down')
    })
    await expect(fail).rejects.toEqual(kind('unavailable'))
    expect(sent).toBe(1)

    const abort = new AbortController()
    const done = calls.call(write, context(abort.signal), async () => {
      abort.abort()
      await new Promise(resolve => setImmediate(resolve))
      return 'written'
    })
    expect(await done).toBe('written')
  })

  it('that reads ends as soon as its context is aborted, before and after it is sent', async () => {
    const vendor = await serve(() => undefined)
    const calls = open({ tryTimeoutMs: 3_000 })
    const abort = new AbortController()
    const many = Array.from({ length: 30 }, () =>
      calls.call(read, context(abort.signal), () => get(calls, vendor.port)),
    )
    const ends = Promise.allSettled(many)
    await until(() => vendor.open() === 30)
    abort.abort()
    for (const end of await ends) expect(end).toEqual({ status: 'rejected', reason: kind('aborted') })
    await until(() => vendor.open() === 0)
    const late = context(abort.signal)
    await expect(calls.call(write, late, () => get(calls, vendor.port))).rejects.toEqual(kind('aborted'))
    expect(late.spent).toEqual([])
  })

  it("holds its pools' other calls back for as long as the vendor says", async () => {
    const calls = open({ totalTimeoutMs: 500 })
    const limited = calls.call(read, context(), async () => {
      throw new VendorError('stripe', 'rate-limited', 'slow down', { retryAfterMs: 2_000 })
    })
    await expect(limited).rejects.toMatchObject({ kind: 'rate-limited', retryAfterMs: 2_000 })
    const other = calls.call(read, context(), async () => 'sent')
    await expect(other).rejects.toEqual(kind('rate-limited'))
  })

  it('that is refused by a limit without a hint says when there is room again, and holds nobody back', async () => {
    const calls = open({}, [
      { name: 'all', limit: 10, windowMs: 700 },
      { name: 'day', limit: 1_000, windowMs: 86_400_000 },
    ])
    const limited = { name: 'test.limited', cost: { all: 1, day: 1 }, repeatable: true, kind: 'look-up' as const }
    const refuse = async (): Promise<never> => {
      throw new VendorError('stripe', 'rate-limited', 'slow down')
    }
    await expect(calls.call(limited, context(), refuse)).rejects.toMatchObject({
      message: 'stripe: slow down',
      kind: 'rate-limited',
      retryAfterMs: 700,
    })
    expect(await calls.call(limited, context(), async () => 'sent')).toBe('sent')
  })

  it('turns whatever is thrown into a VendorError', async () => {
    const calls = open()
    for (const thrown of [new TypeError('bug'), 'text', undefined, null, { message: 'object' }]) {
      const call = calls.call(write, context(), vi.fn<() => Promise<string>>().mockRejectedValue(thrown))
      await expect(call).rejects.toEqual(kind('unreadable'))
    }
    const synchronous = calls.call(write, context(), () => {
      throw new Refused()
    })
    await expect(synchronous).rejects.toEqual(kind('rejected'))
  })

  it('is called off when the account is closed, sent or waiting', async () => {
    const calls = open({}, [{ name: 'all', limit: 1, windowMs: 900 }])
    const sent = calls.call(write, context(), () => new Promise(() => undefined))
    const waiting = calls.call(write, context(), async () => 'sent')
    const ends = Promise.allSettled([sent, waiting])
    await new Promise(resolve => setImmediate(resolve))
    calls.close()
    for (const end of await ends) expect(end).toEqual({ status: 'rejected', reason: kind('aborted') })
    await expect(calls.call(read, context(), async () => 'sent')).rejects.toEqual(kind('aborted'))
  })
})
