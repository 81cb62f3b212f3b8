import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from '../http.ts'
import { explorerPage, favicon, sandboxSite } from './html.ts'
import { startPage, type About } from './start-page.ts'

const require = createRequire(import.meta.url)

const script = 'text/javascript; charset=utf-8'
const stylesheet = 'text/css; charset=utf-8'
const page = 'text/html; charset=utf-8'

/** What the explorer loads from here, each with where it comes from. Read, or made, when first asked for: a start is not delayed. */
const files: Readonly<Record<string, { readonly contentType: string; read(): Promise<string | Buffer> }>> = {
  '/explore/explorer.js': { contentType: script, read: () => ownFile('explorer.js') },
  '/explore/feeds.js': { contentType: script, read: () => ownFile('feeds.js') },
  '/explore/page.css': { contentType: stylesheet, read: () => ownFile('page.css') },
  '/explore/sandbox.js': { contentType: script, read: sandboxScript },
  '/explore/graphiql.js': { contentType: script, read: () => packageFile('graphiql/graphiql.min.js') },
  '/explore/graphiql.css': { contentType: stylesheet, read: () => packageFile('graphiql/graphiql.min.css') },
  '/explore/react.js': { contentType: script, read: () => packageFile('react/umd/react.production.min.js') },
  '/explore/react-dom.js': {
    contentType: script,
    read: () => packageFile('react-dom/umd/react-dom.production.min.js'),
  },
  '/explore/graphql-ws.js': { contentType: script, read: () => packageFile('graphql-ws/umd/graphql-ws.min.js') },
  // Sandbox's embedding asks for it, and would fetch Apollo's icon if there were none.
  '/favicon.ico': { contentType: 'image/svg+xml', read: () => Promise.resolve(favicon) },
}

/**
 * The pages for people: `/` says what runs, `/graphql` is the explorer: GraphiQL from this machine at once, and Apollo Sandbox beside it
 * when its site answers, with the same examples. Nothing is sent to anybody; Sandbox's telemetry is off.
 * @returns the page for a path, as asked for at a host; null for paths that are none of its own
 */
export function explorePages(about: () => Promise<About>): (path: string, host: string) => Promise<Page | null> {
  const read = new Map<string, Promise<Page>>()
  return async (path, host) => {
    const headers = { 'Content-Security-Policy': contentSecurityPolicy(host), 'Cache-Control': 'no-store' }
    if (path === '/graphql') return { contentType: page, body: explorerPage, headers }
    if (path === '/') return { contentType: page, body: startPage(await about(), host), headers }
    const file = Object.hasOwn(files, path) ? files[path] : undefined
    if (file === undefined) return null
    const known = read.get(path)
    if (known !== undefined) return known
    const made = file.read().then(body => ({
      contentType: file.contentType,
      body,
      headers: { 'Cache-Control': 'no-cache' },
    }))
    read.set(path, made)
    made.catch(() => read.delete(path))
    return made
  }
}

/** Scripts from here alone; the graph at this address and Sandbox's site are all the page may talk to. */
function contentSecurityPolicy(host: string): string {
  // Not every browser counts websockets of the same host as 'self'.
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : ''
  return [
    `default-src 'none'`,
    `script-src 'self'`,
    // GraphiQL's editor sets style attributes.
    `style-src 'self' 'unsafe-inline'`,
    `img-src 'self' data:`,
    `font-src 'self' data:`,
    `connect-src 'self'${sockets} ${sandboxSite}`,
    `frame-src ${sandboxSite}`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ')
}

function ownFile(name: string): Promise<Buffer> {
  return readFile(new URL(`browser/${name}`, import.meta.url))
}

/** A path below a package's folder, whatever its `exports` allow. */
async function packageFile(path: string): Promise<Buffer> {
  const [name = ''] = path.split('/')
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return await readFile(`${folder}/${path}`)
    } catch {
      continue
    }
  }
  throw new Error(`expected the package ${name} to hold ${path}: run npm ci`)
}

/** Sandbox's embedding as one script for browsers. */
async function sandboxScript(): Promise<string> {
  const { build } = await import('esbuild')
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
