import { expect, test } from 'vitest'
import { openCallers } from '../../gateway/callers.ts'

const quiet = { host: '127.0.0.1', publicUrl: 'https://graph.example.com', allowedOrigins: [], isExplorable: false }

test('an origin that only looks like a trusted one is not trusted', () => {
  const callers = openCallers({ ...quiet, isExplorable: true })
  const trusted = [
    'https://studio.apollographql.com',
    'http://localhost',
    'http://[::1]:5173',
    'https://127.0.0.1:8443',
  ]
  const others = [
    'null',
    'http://studio.apollographql.com',
    'https://studio.apollographql.com.evil.example',
    'http://localhost.evil.example',
    'http://localhost:3000@evil.example',
    'http://127.0.0.1.evil.example',
    'http://evil.example/http://localhost',
    'http://localhost:3000\nhttp://evil.example',
  ]
  expect(trusted.filter(origin => !callers.allowsOrigin(origin))).toEqual([])
  expect(others.filter(origin => callers.allowsOrigin(origin))).toEqual([])
})

test('in production only the public address and the origins of the settings may ask from a browser', () => {
  const callers = openCallers({ ...quiet, allowedOrigins: ['https://app.example.com'] })
  for (const origin of ['https://graph.example.com', 'https://app.example.com']) {
    expect(callers.allowsOrigin(origin)).toBe(true)
  }
  for (const origin of [
    'http://localhost:3000',
    'https://studio.apollographql.com',
    'http://graph.example.com',
    'null',
  ]) {
    expect(callers.allowsOrigin(origin)).toBe(false)
  }
})

test.each(['127.0.0.1:4000', 'localhost:4000', '[::1]:4000', '10.0.0.7', 'graph.example.com', 'LOCALHOST'])(
  'a process for this machine is called %s',
  host => expect(openCallers(quiet).allowsHost(host)).toBe(true),
)

test.each([
  'evil.example',
  'evil.example:4000',
  'localhost.evil.example',
  '127.0.0.1.evil.example',
  '',
  'a b',
  'evil.example@127.0.0.1',
  '127.0.0.1/x',
])('a process for this machine is not called %j', host => expect(openCallers(quiet).allowsHost(host)).toBe(false))

test('a process that listens for others is called whatever they call it', () => {
  expect(openCallers({ ...quiet, host: '0.0.0.0' }).allowsHost('gateway:4000')).toBe(true)
})
