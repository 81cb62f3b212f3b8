import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build } from 'esbuild'
import type { Page } from '../http.ts'
import { examples } from './examples.ts'

const require = createRequire(import.meta.url)

const script = 'text/javascript; charset=utf-8'

/** How long Apollo's site may take before the page goes on without it. */
const sandboxWaitMs = 4000

/**
 * The page at `/graphql` for people: Apollo Sandbox when its site can be reached, else GraphiQL from this machine, with the
 * same examples. Nothing is sent to anybody; Sandbox's telemetry is off.
 * @returns the page for a path; null for paths that are none of its own
 */
export function explorePages(): (path: string) => Page | null {
  const files = new Map<string, Page>()
  const packaged: Readonly<Record<string, () => Page>> = {
    '/explore/graphiql.js': () => ({ contentType: script, body: packageFile('graphiql/graphiql.min.js') }),
    '/explore/graphiql.css': () => ({ contentType: 'text/css; charset=utf-8', body: packageFile('graphiql/graphiql.min.css') }),
    '/explore/react.js': () => ({ contentType: script, body: packageFile('react/umd/react.production.min.js') }),
    '/explore/react-dom.js': () => ({ contentType: script, body: packageFile('react-dom/umd/react-dom.production.min.js') }),
    '/explore/graphql-ws.js': () => ({ contentType: script, body: packageFile('graphql-ws/umd/graphql-ws.min.js') }),
    '/graphql': () => ({ contentType: 'text/html; charset=utf-8', body: html }),
  }
  void sandboxScript().then(
    body => files.set('/explore/sandbox.js', { contentType: script, body }),
    // The page falls back to GraphiQL.
    () => undefined,
  )
  return path => {
    const known = files.get(path)
    if (known !== undefined) return known
    const make = Object.hasOwn(packaged, path) ? packaged[path] : undefined
    if (make === undefined) return null
    const page = make()
    files.set(path, page)
    return page
  }
}

/** A path below a package's folder, whatever its `exports` allow. */
function packageFile(path: string): Buffer {
  const [name = ''] = path.split('/')
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return readFileSync(`${folder}/${path}`)
    } catch {
      continue
    }
  }
  throw new Error(`expected the package ${name} to hold ${path}: run npm ci`)
}

/** Sandbox's embedding as one script for browsers. */
async function sandboxScript(): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: `export { ApolloSandbox } from '@apollo/sandbox'`, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    minify: true,
    format: 'iife',
    globalName: 'SandboxEmbedding',
    platform: 'browser',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    logLevel: 'silent',
  })
  return outputFiles[0]?.text ?? ''
}

const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>One live graph</title>
    <style>
      html, body, #explorer { height: 100%; margin: 0; }
      #explorer iframe { border: 0; }
      #note { font: 14px/1.5 system-ui, sans-serif; padding: 12px; }
    </style>
  </head>
  <body>
    <div id="explorer"><p id="note">Opening the explorer …</p></div>
    <script>
      const examples = ${JSON.stringify(examples).replaceAll('<', '\\u003c')}
      const endpoint = location.origin + location.pathname
      const websocket = endpoint.replace(/^http/, 'ws')
      const explorer = document.getElementById('explorer')
      const site = 'https://sandbox.embed.apollographql.com'

      function load(src) {
        return new Promise((done, failed) => {
          const script = document.createElement('script')
          script.src = src
          script.onload = done
          script.onerror = () => failed(new Error(src))
          document.head.append(script)
        })
      }

      async function openSandbox() {
        await fetch(site, { mode: 'no-cors', signal: AbortSignal.timeout(${sandboxWaitMs}) })
        await load('/explore/sandbox.js')
        explorer.textContent = ''
        new SandboxEmbedding.ApolloSandbox({
          target: '#explorer',
          initialEndpoint: endpoint,
          initialSubscriptionEndpoint: websocket,
          runTelemetry: false,
          endpointIsEditable: true,
          initialState: { document: examples.map(({ document }) => document).join('\\n'), pollForSchemaUpdates: false, sharedHeaders: {} },
        })
        document.body.dataset.explorer = 'sandbox'
      }

      async function openGraphiQL() {
        const style = document.createElement('link')
        style.rel = 'stylesheet'
        style.href = '/explore/graphiql.css'
        document.head.append(style)
        await load('/explore/react.js')
        await load('/explore/react-dom.js')
        await load('/explore/graphiql.js')
        await load('/explore/graphql-ws.js')
        const wsClient = graphqlWs.createClient({ url: websocket })
        const fetcher = GraphiQL.createFetcher({ url: endpoint, wsClient })
        explorer.textContent = ''
        ReactDOM.createRoot(explorer).render(
          React.createElement(GraphiQL, {
            fetcher,
            defaultEditorToolsVisibility: false,
            defaultTabs: examples.map(({ document }) => ({ query: document })),
            shouldPersistHeaders: false,
          }),
        )
        document.body.dataset.explorer = 'graphiql'
      }

      const wanted = new URLSearchParams(location.search).get('explorer')
      const opened = wanted === 'graphiql' ? openGraphiQL() : openSandbox().catch(openGraphiQL)
      opened.catch(error => {
        explorer.innerHTML = '<p id="note">The explorer could not be opened. The graph answers POST requests at this address.</p>'
        console.error(error)
      })
    </script>
  </body>
</html>
`
