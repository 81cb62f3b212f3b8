// Runs in the browser: GraphiQL at once, and Apollo Sandbox beside it once that has answered.
import { openFeeds } from './feeds.js'

/** How long Apollo's site may take to answer, and its frame to say that it is there. */
const siteWaitMs = 10_000
const frameWaitMs = 60_000

const { documents, site } = JSON.parse(document.getElementById('settings').textContent)
const asked = new URLSearchParams(location.search)
const endpoint = location.origin + location.pathname
const websocket = endpoint.replace(/^http/, 'ws')
const choice = 'livegraph:explorer'

/** Whether somebody works in GraphiQL: then it is not taken away by itself. */
let isTouched = false

let isLooking = false

const panes = {
  graphiql: { tab: document.getElementById('tab-graphiql'), pane: document.getElementById('first') },
  sandbox: { tab: document.getElementById('tab-sandbox'), pane: document.getElementById('sandbox') },
}

for (const [name, { tab }] of Object.entries(panes)) {
  tab.addEventListener('click', () => {
    show(name)
    remember(name)
  })
}
for (const event of ['pointerdown', 'keydown'])
  panes.graphiql.pane.addEventListener(event, () => (isTouched = true), { capture: true })

const editor = document.getElementById('graphiql')

openGraphiQL().catch(error => {
  editor.innerHTML =
    '<p class="note">The explorer could not be opened. The graph answers POST requests at this address.</p>'
  console.error(error)
})
if (asked.get('explorer') !== 'graphiql') {
  // Not before: a frame that takes its time would have the browser say that the page still loads.
  if (document.readyState === 'complete') lookForSandbox()
  else addEventListener('load', lookForSandbox, { once: true })
  addEventListener('online', lookForSandbox)
}

function show(name) {
  for (const [one, { tab, pane }] of Object.entries(panes)) {
    tab.setAttribute('aria-selected', String(one === name))
    pane.classList.toggle('behind', one !== name)
    pane.inert = one !== name
  }
  document.body.dataset.explorer = name
}

function remember(name) {
  try {
    localStorage.setItem(choice, name)
  } catch {
    // The browser keeps nothing.
  }
}

function remembered(key) {
  try {
    return localStorage.getItem(key)
  } catch {
    return null
  }
}

function load(src) {
  return new Promise((done, failed) => {
    const script = document.createElement('script')
    script.src = src
    script.onload = done
    script.onerror = () => failed(new Error(`expected ${src} to load`))
    document.head.append(script)
  })
}

async function openGraphiQL() {
  await Promise.all([
    load('/explore/react.js').then(() => load('/explore/react-dom.js')),
    load('/explore/graphql-ws.js'),
  ])
  await load('/explore/graphiql.js')
  const feeds = openFeeds(websocket, document.getElementById('feeds'))
  const overHttp = GraphiQL.createFetcher({ url: endpoint })
  const fetcher = (asked, options) => {
    const { request, kind } = operationOf(asked)
    return kind === 'subscription' ? feeds.observable(feeds.of(request)) : overHttp(request, options)
  }
  keepFeeds(feeds)
  editor.textContent = ''
  const named = asked.get('example')
  const example = documents.find(text => named !== null && operationIn(text) === named)
  // Tabs of an earlier visit are kept, and the example opens beside them.
  const opened =
    example === undefined ? {} : remembered('graphiql:tabState') === null ? { first: example } : { query: example }
  const { first, ...others } = opened
  const tabs = first === undefined ? documents : [first, ...documents.filter(text => text !== first)]
  ReactDOM.createRoot(editor).render(
    React.createElement(GraphiQL, {
      fetcher,
      defaultEditorToolsVisibility: false,
      defaultTabs: tabs.map(query => ({ query })),
      shouldPersistHeaders: false,
      ...others,
    }),
  )
}

/** What is to run, and as what. Right after a tab was opened GraphiQL names an operation of the tab before. */
function operationOf({ operationName, ...unnamed }) {
  const text = unnamed.query.replace(/#[^\n]*/g, '')
  const all = [...text.matchAll(/\b(query|mutation|subscription)\s+(\w+)/g)]
  const named = all.find(([, , name]) => name === operationName) ?? all[0]
  if (named !== undefined) return { kind: named[1], request: { ...unnamed, operationName: named[2] } }
  return { kind: /\b(mutation|subscription)\b|\{/.exec(text)?.[1], request: unnamed }
}

function operationIn(text) {
  return /^(?:query|mutation|subscription) (\w+)/m.exec(text)?.[1]
}

/** GraphiQL ends what runs when another tab is opened, and knows of nothing that runs when one comes back. */
function keepFeeds(feeds) {
  addEventListener(
    'click',
    event => {
      const tab = event.target.closest?.('.graphiql-tab-button, .graphiql-tab-add')
      if (tab == null) return
      if (tab.getAttribute('aria-selected') === 'true') event.stopPropagation()
      else {
        feeds.lookAway()
        showAgain(feeds)
      }
    },
    { capture: true },
  )
}

/** Runs what is opened when it is a feed that goes on: it is shown again, and not begun a second time. */
function showAgain(feeds) {
  const running = feeds.running()
  let tries = 0
  const timer = setInterval(() => {
    const mirror = document.querySelector('.graphiql-query-editor .CodeMirror')?.CodeMirror
    const feed = running.find(one => one.isRunning && one.request.query === mirror?.getValue())
    // GraphiQL looks a moment later at what an editor holds.
    const isKnown = feed !== undefined && mirror.operationName === (feed.request.operationName ?? null)
    if (isKnown && !feed.isWatched) document.querySelector('.graphiql-execute-button').click()
    if (isKnown || (tries += 1) > 20) clearInterval(timer)
  }, 50)
}

async function lookForSandbox() {
  if (isLooking) return
  isLooking = true
  try {
    await openSandbox()
    removeEventListener('online', lookForSandbox)
    panes.sandbox.tab.hidden = false
    if (remembered(choice) === 'sandbox' && !isTouched) show('sandbox')
  } catch {
    // Its site cannot be reached, or something else answers there; GraphiQL is open.
  } finally {
    isLooking = false
  }
}

/** Opens it behind GraphiQL. Rejects when its own frame does not answer: a login page of a network may load there as well. */
async function openSandbox() {
  const waited = new AbortController()
  const timer = setTimeout(() => waited.abort(), siteWaitMs)
  await fetch(site, { mode: 'no-cors', credentials: 'omit', signal: waited.signal }).finally(() => clearTimeout(timer))
  await load('/explore/sandbox.js')
  const listens = frameListens()
  const sandbox = new SandboxEmbedding.ApolloSandbox({
    target: panes.sandbox.pane,
    initialEndpoint: endpoint,
    initialSubscriptionEndpoint: websocket,
    runTelemetry: false,
    endpointIsEditable: false,
    initialState: { document: documents.join('\n'), pollForSchemaUpdates: false },
  })
  try {
    await listens
  } catch (error) {
    sandbox.dispose()
    panes.sandbox.pane.textContent = ''
    throw error
  }
}

/** Resolves with the first message that Sandbox, in the frame that was opened for it, posts to the page around it. */
function frameListens() {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => {
      removeEventListener('message', heard)
      failed(new Error('expected Sandbox to say that it is there'))
    }, frameWaitMs)
    addEventListener('message', heard)
    function heard({ origin, source, data }) {
      const frame = panes.sandbox.pane.querySelector('iframe')
      if (origin !== site || source !== frame?.contentWindow) return
      if (!/^ExplorerListeningFor/.test(data?.name)) return
      clearTimeout(timer)
      removeEventListener('message', heard)
      done()
    }
  })
}
