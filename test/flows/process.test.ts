import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startChild } from './child.ts'
import { ask, main, setting, start } from './setting.ts'

describe('settings', () => {
  test('that are missing or wrong are listed all at once, with what to do, and end it with 1', async () => {
    const child = startChild(main, [], {
      PORT: '70000',
      PUBLIC_URL: 'graph',
      STORE_URL: 'mysql://me:secret@db/x',
      LOG_LEVEL: 'loud',
      CACHE_MAX_BYTES: 'much',
      HUBSPOT_CLIENT_SECRET: 'alone',
      STRIPE_BASE_URL: 'http://127.0.0.1:1',
      ASANA_STATUS: 'section',
    })
    expect(await child.ended).toMatchObject({ code: 1 })
    for (const name of [
      'PORT',
      'PUBLIC_URL',
      'STORE_URL',
      'LOG_LEVEL',
      'CACHE_MAX_BYTES',
      'HUBSPOT_ACCESS_TOKEN',
      'STRIPE_SECRET_KEY',
      'ASANA_ACCESS_TOKEN',
      'ASANA_PROJECTS',
      'ASANA_CUSTOMER_FIELD',
    ]) {
      expect(child.output()).toMatch(new RegExp(`^ *${name}: .{15,}`, 'm'))
    }
    expect(child.output()).toContain('.env.example')
    expect(child.output()).not.toContain('secret@db')
  })

  test('of no tool at all: the demo is named, and how to set up one', async () => {
    const child = startChild(main, [], {})
    expect(await child.ended).toMatchObject({ code: 1 })
    expect(child.output()).toMatch(/no tool is set up[^]*npm run demo, which needs no account/)
  })

  test('--help explains, and an option that does not exist is named', async () => {
    const help = startChild(main, ['--help'])
    const wrong = startChild(main, ['--nonsense'])
    expect([(await help.ended).code, (await wrong.ended).code]).toEqual([0, 2])
    expect(help.output()).toContain('Usage: npm start')
    expect(wrong.output()).toContain('--nonsense')
  })
})

describe('starting', () => {
  test('on a store or a port that is taken ends with 1 and says which and by whom', async () => {
    const at = await setting()
    await start(at)
    const sameStore = startChild(main, [], { ...at.environment, PORT: '0' })
    const blocker = createServer()
    const port = await new Promise<number>(resolve =>
      blocker.listen(0, '127.0.0.1', () => {
        const address = blocker.address()
        resolve(typeof address === 'object' && address !== null ? address.port : 0)
      }),
    )
    onTestFinished(() => void blocker.close())
    const other = await setting({ PORT: String(port) })
    const samePort = startChild(main, [], other.environment)
    expect([(await sameStore.ended).code, (await samePort.ended).code]).toEqual([1, 1])
    expect(sameStore.output()).toMatch(/graph\.db is in use: another process/)
    expect(samePort.output()).toMatch(new RegExp(`PORT.*${port}|${port}.*PORT`))
    expect(existsSync((other.environment['STORE_URL'] ?? '').replace('sqlite:', ''))).toBe(false)
    // The first one is not disturbed.
    expect(await ask(at, '{ customer(id: "101") { id } }')).toEqual({ customer: { id: '101' } })
  })
})

test('every line it writes for machines is JSON, whatever comes over a websocket', async () => {
  const at = await setting({ LOG_FORMAT: 'json', LOG_LEVEL: 'debug' })
  const child = await start(at)
  const frames = {
    'an opcode nobody knows': [0x8b, 0x80, 0, 0, 0, 0],
    'a frame that is not masked': [0x81, 0x01, 0x61],
    'text that is no UTF-8': [0x81, 0x82, 0, 0, 0, 0, 0xff, 0xfe],
    'more than a message may hold': [0x81, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0],
    'a message of the server': textFrame('{"type":"connection_ack"}'),
    'a subscription before its time': textFrame('{"id":"1","type":"subscribe","payload":{"query":"{ __typename }"}}'),
    'no JSON': textFrame('{'),
  }
  for (const [name, bytes] of Object.entries(frames)) expect(await closeCode(at.url, bytes), name).toBeGreaterThan(1000)
  child.kill('SIGTERM')
  expect(await child.ended).toMatchObject({ code: 0 })
  const strange = child
    .output()
    .split('\n')
    .filter(line => !/^\{"level":\d+,.*\}$/.test(line))
  expect(strange).toEqual([])
})

function textFrame(text: string): readonly number[] {
  return [0x81, 0x80 | text.length, 0, 0, 0, 0, ...Buffer.from(text)]
}

/** Sends bytes over a websocket as they are. @returns with which code the server closes it */
function closeCode(url: string, bytes: readonly number[]): Promise<number> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const came: Buffer[] = []
    const socket = connect(Number(port), hostname, () => {
      const key = 'dGhlIHNhbXBsZSBub25jZQ=='
      socket.write(
        `GET /graphql HTTP/1.1\r\nHost: ${hostname}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n`,
      )
    })
    let isOpen = false
    socket.on('data', data => {
      came.push(data)
      const all = Buffer.concat(came)
      const head = all.indexOf('\r\n\r\n')
      if (!isOpen && head !== -1) socket.write(Buffer.from(bytes))
      isOpen ||= head !== -1
      const frame = all.subarray(head + 4)
      if (!isOpen || frame.length < 4 || frame[0] !== 0x88) return
      resolve(frame.readUInt16BE(2))
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('it was closed without a code')))
  })
}
