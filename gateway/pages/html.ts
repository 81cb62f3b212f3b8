import { examples } from './examples.ts'

/** Where Sandbox's iframe comes from. */
export const sandboxSite = 'https://sandbox.embed.apollographql.com'

/** How long Apollo's site may take to answer before the page goes on without it. */
const siteWaitMs = 4000

/** How long Sandbox may take to open once its site has answered. */
const openingWaitMs = 20_000

/** The mark of the graph: three tools, one point. */
export const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#6d5ae0" stroke-width="3"><path d="M16 17V6M16 17 6 25M16 17l10 8"/></g><g fill="#6d5ae0"><circle cx="16" cy="6" r="4"/><circle cx="6" cy="25" r="4"/><circle cx="26" cy="25" r="4"/><circle cx="16" cy="17" r="5"/></g></svg>`

/** The examples as they stand in an editor: each with its title above it. */
export const documents: readonly string[] = examples.map(({ title, document }) => `# ${title}\n${document}`)

/** Runs in the browser. `<` is escaped, so that no example can end the script. */
export const pageScript = `
const documents = ${JSON.stringify(documents).replaceAll('<', '\\u003c')}
const site = ${JSON.stringify(sandboxSite)}
const endpoint = location.origin + location.pathname
const websocket = endpoint.replace(/^http/, 'ws')
const explorer = document.getElementById('explorer')

function load(src) {
  return new Promise((done, failed) => {
    const script = document.createElement('script')
    script.src = src
    script.onload = done
    script.onerror = () => failed(new Error('expected ' + src + ' to load'))
    document.head.append(script)
  })
}

/** Resolves once Sandbox says that it is there: an answer from its address may also be a hotel's login page. */
function sandboxListens() {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error('expected Sandbox to open in time')), ${openingWaitMs})
    addEventListener('message', function heard(event) {
      if (event.origin !== site) return
      clearTimeout(timer)
      removeEventListener('message', heard)
      done()
    })
  })
}

async function openSandbox() {
  const waited = new AbortController()
  const timer = setTimeout(() => waited.abort(), ${siteWaitMs})
  await fetch(site, { mode: 'no-cors', credentials: 'omit', signal: waited.signal }).finally(() => clearTimeout(timer))
  await load('/explore/sandbox.js')
  const listens = sandboxListens()
  explorer.textContent = ''
  const sandbox = new SandboxEmbedding.ApolloSandbox({
    target: explorer,
    initialEndpoint: endpoint,
    initialSubscriptionEndpoint: websocket,
    runTelemetry: false,
    endpointIsEditable: false,
    initialState: { document: documents.join('\\n'), pollForSchemaUpdates: false },
  })
  document.body.dataset.explorer = 'sandbox'
  try {
    await listens
  } catch (error) {
    sandbox.dispose()
    throw error
  }
}

async function openGraphiQL() {
  const style = document.createElement('link')
  style.rel = 'stylesheet'
  style.href = '/explore/graphiql.css'
  document.head.append(style)
  await Promise.all([load('/explore/react.js').then(() => load('/explore/react-dom.js')), load('/explore/graphql-ws.js')])
  await load('/explore/graphiql.js')
  const wsClient = graphqlWs.createClient({ url: websocket })
  const fetcher = GraphiQL.createFetcher({ url: endpoint, wsClient })
  explorer.textContent = ''
  ReactDOM.createRoot(explorer).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultEditorToolsVisibility: false,
      defaultTabs: documents.map(query => ({ query })),
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
`

export const html = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>One live graph</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(favicon)}" />
    <style>
      html, body, #explorer { height: 100%; margin: 0; }
      #explorer iframe { border: 0; }
      #note { font: 14px/1.5 system-ui, sans-serif; margin: 0; padding: 12px; }
    </style>
  </head>
  <body>
    <main id="explorer">
      <p id="note" role="status">Opening Apollo Sandbox, or GraphiQL if its site cannot be reached …</p>
      <noscript><p>The explorer needs JavaScript. The graph answers POST requests at this address.</p></noscript>
    </main>
    <script>${pageScript}</script>
  </body>
</html>
`
