import { existsSync } from 'node:fs'
import { chromium, type BrowserContext, type Page } from 'playwright-core'
import { onTestFinished, test } from 'vitest'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const named = process.env['CHROMIUM_PATH'] ?? ''

const executable = (named === '' ? places : [named]).find(path => existsSync(path))

const isNeeded = [process.env['CI'], process.env['LIVEGRAPH_NEEDS_CHROMIUM']].some(value => (value ?? '') !== '')

if (executable === undefined && !isNeeded) {
  process.stderr.write('No Chromium here: what needs a browser is passed over. Name one in CHROMIUM_PATH.\n')
}

/** A test that needs a browser: passed over where there is none, a failure where one is promised (CI). */
export const browserTest = test.runIf(executable !== undefined || isNeeded)

export interface Visit {
  readonly page: Page
  /** Every address asked for, websockets included, in order. */
  readonly requests: readonly string[]
  /** What the page complained about: exceptions, and errors on the console. */
  readonly complaints: readonly string[]
}

/** A browser that can reach this machine and nothing else, whatever network there is; closes itself with the test. */
export async function openBrowser(): Promise<Visit> {
  if (executable === undefined) throw new Error(`expected Chromium at one of ${places.join(', ')} or in CHROMIUM_PATH`)
  const browser = await chromium.launch({
    executablePath: executable,
    args: ['--no-sandbox', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
  })
  onTestFinished(() => browser.close())
  const context = await browser.newContext({ viewport: { width: 1360, height: 800 } })
  const requests: string[] = []
  const complaints: string[] = []
  record(context, requests, complaints)
  return { page: await context.newPage(), requests, complaints }
}

function record(context: BrowserContext, requests: string[], complaints: string[]): void {
  context.on('request', request => requests.push(request.url()))
  context.on('weberror', error => complaints.push(error.error().message))
  context.on('console', message => {
    if (message.type() === 'error') complaints.push(`${message.text()} (${message.location().url})`)
  })
  context.on('page', page => page.on('websocket', socket => requests.push(socket.url())))
}

/** Addresses outside of this machine; what a page carries in itself is none. */
export function foreign(requests: readonly string[]): readonly string[] {
  return requests.filter(url => !/^(https?|ws):\/\/127\.0\.0\.1:\d+\//.test(url) && !/^(data|blob|about):/.test(url))
}
