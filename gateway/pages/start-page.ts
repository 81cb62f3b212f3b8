import { documents, favicon, head } from './html.ts'
import { examples } from './examples.ts'
import type { Role, System } from '../../schema/systems.ts'

/** What runs here, as the start page tells it. */
export interface About {
  readonly version: string
  /** Of this process, as vendors call it, without a trailing slash. */
  readonly publicUrl: string
  readonly systems: readonly RunningTool[]
  /** Roles that no tool plays, each with the settings that would give it one. */
  readonly unplayed: readonly { readonly role: Role; readonly system: System; readonly settings: readonly string[] }[]
}

export interface RunningTool {
  readonly role: Role
  readonly system: System
  readonly isReachable: boolean
  readonly isAuthorized: boolean
  /** What comes after `/webhooks/<system>`, one for each address its tool sends to. */
  readonly endpoints: readonly string[]
  /** What the store knows of it; null while the store cannot be reached. */
  readonly stored: StoredState | null
}

export interface StoredState {
  readonly isImported: boolean
  readonly importedRecords: number
  readonly deadEntries: number
  readonly lastDeliveryAt: Date | null
}

/** The page at `/`. @param host by which the page was asked for */
export function startPage(about: About, host: string): string {
  const { publicUrl } = about
  // A proxy before us may speak TLS, which its own address tells.
  const here = new URL(publicUrl).host === host ? publicUrl : `http://${host}`
  const addresses: readonly (readonly [string, string, string])[] = [
    ['GraphQL', `${here}/graphql`, 'queries and mutations by POST, queries by GET too; in a browser the explorer'],
    [
      'Websocket',
      `${here.replace(/^http/, 'ws')}/graphql`,
      'everything, subscriptions too; subprotocol graphql-transport-ws',
    ],
    ...about.systems.flatMap(({ system, endpoints }) =>
      endpoints.map((endpoint): readonly [string, string, string] => [
        `Webhooks of ${system}`,
        `${publicUrl}/webhooks/${system}${endpoint === '' ? '' : `/${endpoint}`}`,
        'for the tool, which signs what it sends',
      ]),
    ),
    ['Health', `${here}/health/ready`, 'whether requests may be sent here, and how each part is'],
    ['Metrics', `${here}/metrics`, 'figures for Prometheus'],
  ]
  return `<!doctype html>
<html lang="en">
  <head>
    ${head}
    <style>${style}</style>
  </head>
  <body>
    <header>${favicon}<h1>One live graph</h1><span>version ${text(about.version)}</span></header>
    <p><a class="open" href="/graphql">Open the explorer</a></p>
    <h2>What runs</h2>
    ${about.systems.some(({ stored }) => stored === null) ? storeFault : ''}
    <table>
      <thead><tr><th>Role</th><th>Tool</th><th>State</th></tr></thead>
      <tbody>${about.systems.map(toolRow).join('')}${about.unplayed.map(unplayedRow).join('')}</tbody>
    </table>
    <h2>Addresses</h2>
    <table>
      <tbody>${addresses.map(addressRow).join('')}</tbody>
    </table>
    <h2>Try</h2>
    ${examples.map(exampleItem).join('')}
  </body>
</html>
`
}

function toolRow({ role, system, ...tool }: RunningTool): string {
  return `<tr><td>${text(role)}</td><td>${text(system)}</td><td>${text(stateOf(tool))}</td></tr>`
}

const storeFault = `<p class="fault">The store cannot be reached, so webhooks are refused, and lists and writes fail. The log says why.</p>`

function stateOf({ isAuthorized, isReachable, stored }: Omit<RunningTool, 'role' | 'system'>): string {
  const state = isAuthorized ? (isReachable ? 'answers' : 'cannot be reached') : 'refuses our credentials'
  if (stored === null) return state
  const { isImported, importedRecords, lastDeliveryAt, deadEntries } = stored
  const records = `${importedRecords} ${importedRecords === 1 ? 'record' : 'records'}`
  return [
    state,
    isImported ? `${records} imported` : `${records} imported so far`,
    lastDeliveryAt === null ? 'no webhook came yet' : `last webhook ${lastDeliveryAt.toISOString().slice(0, 19)}Z`,
    ...(deadEntries > 0 ? [`${deadEntries} dead entries: npm run deliveries`] : []),
  ].join(' · ')
}

function unplayedRow({ role, system, settings }: About['unplayed'][number]): string {
  return `<tr><td>${text(role)}</td><td>none</td><td>${text(`for ${system} set ${settings.join(', ')}`)}</td></tr>`
}

function addressRow([name, address, meaning]: readonly [string, string, string]): string {
  return `<tr><td>${text(name)}</td><td><code>${text(address)}</code></td><td>${text(meaning)}</td></tr>`
}

function exampleItem({ title }: { readonly title: string }, at: number): string {
  const [, ...lines] = (documents[at] ?? '').split('\n')
  const document = lines.join('\n')
  const name = /^\w+ (\w+)/.exec(document)?.[1] ?? ''
  return `<details><summary>${text(title)} <a href="/graphql?example=${name}">Open</a></summary><pre>${text(document)}</pre></details>`
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}

const style = `
:root { color-scheme: light dark; }
body { max-width: 60rem; margin: 0 auto; padding: 24px 16px 48px; font: 15px/1.5 system-ui, sans-serif; }
header { display: flex; align-items: center; gap: 12px; }
header svg { width: 36px; height: 36px; }
header span, td:last-child { opacity: 0.8; }
h1 { margin: 0; font-size: 24px; }
h2 { margin: 28px 0 8px; font-size: 17px; }
a { color: #6d5ae0; }
.fault { padding: 8px 12px; border-left: 4px solid #d33; background: color-mix(in srgb, #d33 10%, Canvas); }
a.open { display: inline-block; padding: 8px 16px; border-radius: 6px; background: #6d5ae0; color: #fff; text-decoration: none; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 6px 12px 6px 0; border-bottom: 1px solid color-mix(in srgb, CanvasText 15%, Canvas); text-align: left; vertical-align: top; }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
td code { overflow-wrap: break-word; }
summary { padding: 4px 0; cursor: pointer; }
summary a { margin-left: 8px; }
pre { margin: 0 0 8px; padding: 12px; overflow: auto; border-radius: 6px; background: color-mix(in srgb, CanvasText 6%, Canvas); }
`
