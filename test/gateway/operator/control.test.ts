import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { askControl, controlPath, openControl } from '../../../gateway/operator/control.ts'

type Run = Parameters<typeof openControl>[1]

async function open(run: Run): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-control-'))
  const path = controlPath(`sqlite:${join(folder, 'graph.db')}`) ?? ''
  const control = await openControl(path, run)
  onTestFinished(async () => {
    await control.close()
    rmSync(folder, { recursive: true, force: true })
  })
  return path
}

test('what the process says reaches whoever asked, line by line, and how it ended', async () => {
  const path = await open((asked, tell) => {
    tell(JSON.stringify(asked))
    tell('two')
    return Promise.resolve('done')
  })
  const lines: string[] = []
  expect(await askControl(path, { command: 'import', system: null, restart: true }, line => lines.push(line))).toBe(
    'done',
  )
  expect(lines).toEqual(['{"command":"import","system":null,"restart":true}', 'two'])
})

test('a fault is told and ends as failed', async () => {
  const path = await open(() => Promise.reject(new Error('Asana cannot be reached')))
  const lines: string[] = []
  expect(
    await askControl(path, { command: 'connect', system: 'asana', waitSeconds: 0 }, line => lines.push(line)),
  ).toBe('failed')
  expect(lines).toEqual(['Asana cannot be reached'])
})

test('when nobody runs there, asking says so and does not fail', async () => {
  expect(
    await askControl(
      join(tmpdir(), 'livegraph-nobody.sock'),
      { command: 'connect', system: 'asana', waitSeconds: 0 },
      () => undefined,
    ),
  ).toBe(null)
})

test('whoever leaves, or speaks nonsense, ends his own request and not the process', async () => {
  const signals: AbortSignal[] = []
  const path = await open(
    (asked, _tell, signal) =>
      new Promise(resolve => {
        signals.push(signal)
        if (asked.command === 'import') resolve('done')
      }),
  )
  const leaver = connect(path, () => leaver.write('{"command":"connect","system":"asana","waitSeconds":0}\n'))
  await vi.waitFor(() => expect(signals).toHaveLength(1), 20_000)
  leaver.destroy()
  await vi.waitFor(() => expect(signals[0]?.aborted).toBe(true), 20_000)
  for (const nonsense of ['nonsense\n', '{"command":"drop"}\n', '\u0000\n', 'null\n']) {
    const heard = await new Promise<string>(resolve => {
      let text = ''
      const socket = connect(path, () => socket.write(nonsense))
      socket.on('data', data => (text += data.toString()))
      socket.once('close', () => resolve(text))
    })
    expect(heard).toMatch(/^\{"line":"the running process does not know this command[^\n]*\n\{"end":"failed"\}\n$/)
  }
  expect(await askControl(path, { command: 'import', system: null, restart: false }, () => undefined)).toBe('done')
})

test('a socket left behind by a process that was killed is taken over, and the path is short enough for any folder', async () => {
  const path = await open(() => Promise.resolve('done'))
  const again = await openControl(path, () => Promise.resolve('failed'))
  expect(statSync(path).isSocket()).toBe(true)
  expect(await askControl(path, { command: 'connect', system: 'x', waitSeconds: 0 }, () => undefined)).toBe('failed')
  await again.close()
  expect(controlPath('sqlite::memory:')).toBe(null)
  expect((controlPath(`sqlite:/${'deep/'.repeat(60)}graph.db`) ?? '').length).toBeLessThan(104)
})
