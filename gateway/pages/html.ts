import { examples } from './examples.ts'

/** Where Sandbox's iframe comes from. */
export const sandboxSite = 'https://sandbox.embed.apollographql.com'

/** The mark of the graph: three tools, one point. */
export const favicon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#6d5ae0" stroke-width="3"><path d="M16 17V6M16 17 6 25M16 17l10 8"/></g><g fill="#6d5ae0"><circle cx="16" cy="6" r="4"/><circle cx="6" cy="25" r="4"/><circle cx="26" cy="25" r="4"/><circle cx="16" cy="17" r="5"/></g></svg>`

/** The examples as they stand in an editor: each with its title above it. */
export const documents: readonly string[] = examples.map(({ title, document }) => `# ${title}\n${document}`)

/** What every page begins with. */
export const head = `<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>One live graph</title>
    <link rel="icon" href="data:image/svg+xml,${encodeURIComponent(favicon)}" />`

/** Data for the page's script. `<` is escaped, so that no example can end the element. */
const settings = JSON.stringify({ documents, site: sandboxSite }).replaceAll('<', '\\u003c')

/** The page at `/graphql`. */
export const explorerPage = `<!doctype html>
<html lang="en">
  <head>
    ${head}
    <link rel="stylesheet" href="/explore/graphiql.css" />
    <link rel="stylesheet" href="/explore/page.css" />
  </head>
  <body data-explorer="graphiql">
    <nav>
      <a href="/" title="What runs here">${favicon}One live graph</a>
      <div role="tablist" aria-label="Explorer">
        <button id="tab-graphiql" type="button" role="tab" aria-selected="true" aria-controls="first">GraphiQL</button>
        <button id="tab-sandbox" type="button" role="tab" aria-selected="false" aria-controls="sandbox" hidden>Apollo Sandbox</button>
      </div>
    </nav>
    <main>
      <section id="first" role="tabpanel" aria-labelledby="tab-graphiql">
        <div id="graphiql">
          <p class="note" role="status">Opening the explorer …</p>
          <noscript><p class="note">The explorer needs JavaScript. The graph answers POST requests at this address.</p></noscript>
        </div>
        <div id="feeds" aria-label="Subscriptions that run" hidden></div>
      </section>
      <section id="sandbox" class="behind" role="tabpanel" aria-labelledby="tab-sandbox" inert></section>
    </main>
    <script type="application/json" id="settings">${settings}</script>
    <script type="module" src="/explore/explorer.js"></script>
  </body>
</html>
`
