import { createServer } from 'node:net'
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
    })
    expect(await child.ended).toMatchObject({ code: 1 })
    for (const name of [
      'PORT',
      'PUBLIC_URL',
      'STORE_URL',
      'LOG_LEVEL',
      'CACHE_MAX_BYTES',
      'HUBSPOT_ACCESS_TOKEN',
      'HUBSPOT_CLIENT_SECRET',
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
    // The first one is not disturbed.
    expect(await ask(at, '{ customer(id: "101") { id } }')).toEqual({ customer: { id: '101' } })
  })
})
