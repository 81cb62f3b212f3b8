import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { writeProjectFolder } from '../../../gateway/operator/project-folder.ts'
import { project } from '../../../subgraphs/crm/hubspot/project.ts'
import { startChild } from '../../flows/child.ts'

const publicUrl = 'https://graph.company.example'

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'livegraph-project-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function fileIn(folder: string, path: string): unknown {
  return JSON.parse(readFileSync(join(folder, path), 'utf8'))
}

const appPath = 'src/app/app-hsmeta.json'
const webhooksPath = 'src/app/webhooks/webhooks-hsmeta.json'

const webhooksFile = z.object({
  config: z.object({
    settings: z.object({ targetUrl: z.string() }),
    subscriptions: z.object({ crmObjects: z.array(z.unknown()), hubEvents: z.array(z.unknown()) }),
  }),
})

test('the project has the app, its scopes, our address and a subscription for each property that is shown', () => {
  const out = join(emptyFolder(), 'new', 'hubspot')
  const written = writeProjectFolder(project, { out, publicUrl: `${publicUrl}/` })
  expect([written.end, written.lines.join('\n')]).toEqual([
    'done',
    expect.stringMatching(/hs account auth[^]*hs project upload[^]*Distribution[^]*HUBSPOT_ACCESS_TOKEN[^]*Auth tab/),
  ])
  expect(fileIn(out, 'hsproject.json')).toEqual({ name: 'livegraph', srcDir: 'src', platformVersion: '2026.03' })
  expect(fileIn(out, appPath)).toMatchObject({
    uid: 'livegraph_app',
    type: 'app',
    config: {
      distribution: 'private',
      auth: {
        type: 'static',
        requiredScopes: [
          'oauth',
          'crm.objects.contacts.read',
          'crm.objects.contacts.write',
          'crm.objects.companies.read',
          'crm.schemas.contacts.read',
        ],
      },
    },
  })
  const { config } = webhooksFile.parse(fileIn(out, webhooksPath))
  expect(config.settings.targetUrl).toBe(`${publicUrl}/webhooks/hubspot`)
  for (const property of ['email', 'firstname', 'lastname', 'phone', 'company', 'lifecyclestage', 'zip']) {
    expect(config.subscriptions.crmObjects).toContainEqual({
      subscriptionType: 'object.propertyChange',
      objectType: 'contact',
      propertyName: property,
      active: true,
    })
  }
  for (const happening of ['creation', 'deletion', 'restore', 'merge']) {
    expect(config.subscriptions.crmObjects).toContainEqual({
      subscriptionType: `object.${happening}`,
      objectType: 'contact',
      active: true,
    })
  }
  // HubSpot takes it among the hub events only.
  expect(config.subscriptions.hubEvents).toEqual([{ subscriptionType: 'contact.privacyDeletion', active: true }])
  expect(JSON.stringify(config.subscriptions.crmObjects)).not.toContain('privacyDeletion')
})

test('written again it keeps what a person changed, sets the new address and adds what is missing', () => {
  const out = emptyFolder()
  expect(writeProjectFolder(project, { out, publicUrl }).end).toBe('done')
  const app = z
    .looseObject({ config: z.looseObject({ auth: z.looseObject({ requiredScopes: z.array(z.string()) }) }) })
    .parse(fileIn(out, appPath))
  app.config['name'] = 'Our graph'
  app.config['support'] = { supportEmail: 'ops@company.example' }
  app.config.auth.requiredScopes = ['oauth', 'crm.objects.deals.read', 'crm.objects.contacts.read']
  writeFileSync(join(out, appPath), JSON.stringify(app))
  const webhooks = webhooksFile.loose().parse(fileIn(out, webhooksPath))
  const own = { subscriptionType: 'object.creation', objectType: 'deal', active: true }
  const off = { subscriptionType: 'object.creation', objectType: 'contact', active: false }
  webhooks.config.subscriptions.crmObjects = [own, off]
  writeFileSync(join(out, webhooksPath), JSON.stringify({ ...webhooks, uid: 'livegraph_webhooks', type: 'webhooks' }))
  writeFileSync(join(out, 'notes.txt'), 'mine')

  const again = writeProjectFolder(project, { out, publicUrl: 'https://other.example' })
  expect(again.end, again.lines.join('\n')).toBe('done')
  expect(again.lines.join('\n')).toContain(
    'new scopes (crm.objects.contacts.write, crm.objects.companies.read, crm.schemas.contacts.read): install it again',
  )
  expect(fileIn(out, appPath)).toMatchObject({
    config: {
      name: 'Our graph',
      support: { supportEmail: 'ops@company.example' },
      auth: {
        requiredScopes: [
          'oauth',
          'crm.objects.deals.read',
          'crm.objects.contacts.read',
          'crm.objects.contacts.write',
          'crm.objects.companies.read',
          'crm.schemas.contacts.read',
        ],
      },
    },
  })
  const { config } = webhooksFile.parse(fileIn(out, webhooksPath))
  expect(config.settings.targetUrl).toBe('https://other.example/webhooks/hubspot')
  expect(config.subscriptions.crmObjects.slice(0, 2)).toEqual([own, off])
  expect(config.subscriptions.crmObjects.filter(one => JSON.stringify(one).includes('object.creation'))).toHaveLength(2)
  expect(config.subscriptions.crmObjects.length).toBeGreaterThan(10)
  expect(readFileSync(join(out, 'notes.txt'), 'utf8')).toBe('mine')
  const unchanged = writeProjectFolder(project, { out, publicUrl: 'https://other.example' })
  expect(unchanged.lines.filter(line => /^ {2}(new|changed) /.test(line))).toEqual([])
})

test.each([
  [undefined, 'PUBLIC_URL is not set'],
  ['http://graph.example.com', 'https addresses only'],
  ['https://localhost:4000', 'no tool can reach "localhost"'],
  ['https://10.1.2.3', 'no tool can reach'],
  ['https://172.20.0.1', 'no tool can reach'],
  ['https://[fd00::1]', 'no tool can reach'],
  ['https://graph.internal', 'no tool can reach'],
  ['https://graph.example.com/?a=1', 'expected an https address'],
  ['graph.example.com', 'expected an https address'],
])('with the address %s nothing is written, and it says why', (address, fault) => {
  const out = join(emptyFolder(), 'hubspot')
  const written = writeProjectFolder(project, { out, publicUrl: address })
  expect([written.end, written.lines.join()]).toEqual(['failed', expect.stringContaining(fault)])
  expect(existsSync(out)).toBe(false)
})

test('a folder that the command line of the tool passes over is refused, behind a link too', () => {
  const folder = emptyFolder()
  for (const name of ['.hidden', 'node_modules']) {
    const written = writeProjectFolder(project, { out: join(folder, name, 'hubspot'), publicUrl })
    expect([written.end, written.lines.join()]).toEqual(['failed', expect.stringContaining(`a folder named ${name}`)])
    expect(existsSync(join(folder, name))).toBe(false)
  }
  mkdirSync(join(folder, '.real'))
  symlinkSync(join(folder, '.real'), join(folder, 'link'))
  expect(writeProjectFolder(project, { out: join(folder, 'link', 'x'), publicUrl }).end).toBe('failed')
})

test('a folder of this repository is refused, and so is one with other things in it', () => {
  expect(writeProjectFolder(project, { out: 'hubspot', publicUrl }).lines.join()).toContain('inside this repository')
  expect(existsSync('hubspot')).toBe(false)
  const folder = emptyFolder()
  writeFileSync(join(folder, 'letter.txt'), 'mine')
  expect(writeProjectFolder(project, { out: folder, publicUrl }).lines.join()).toContain('is not empty')
  const other = emptyFolder()
  mkdirSync(join(other, 'src/app'), { recursive: true })
  writeFileSync(join(other, appPath), JSON.stringify({ uid: 'their_app', type: 'app', config: {} }))
  expect(writeProjectFolder(project, { out: other, publicUrl }).lines.join()).toContain(
    'expected JSON with the uid livegraph_app',
  )
  expect(existsSync(join(other, 'hsproject.json'))).toBe(false)
})

test('the command writes it before there is any credential, and says for which tools there is one', async () => {
  const folder = emptyFolder()
  const out = join(folder, 'hubspot')
  const command = 'gateway/commands/connect.ts'
  const written = startChild(command, ['hubspot', '--out', out], { PUBLIC_URL: publicUrl })
  const without = startChild(command, ['hubspot', '--out', join(folder, 'other')], {})
  const stripe = startChild(command, ['stripe', '--out', join(folder, 'other')], { PUBLIC_URL: publicUrl })
  expect([(await written.ended).code, (await without.ended).code, (await stripe.ended).code]).toEqual([0, 1, 2])
  expect(written.told()).toContain('hs project upload')
  expect(existsSync(join(out, webhooksPath))).toBe(true)
  expect(without.output()).toContain('PUBLIC_URL is not set')
  expect(stripe.output()).toContain('stripe needs no project')
  expect(existsSync(join(folder, 'other'))).toBe(false)
})
