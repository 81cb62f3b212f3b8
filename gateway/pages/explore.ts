import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { Page } from '../http.ts'
import { favicon, html, pageScript, sandboxSite } from './html.ts'

const require = createRequire(import.meta.url)

const script = 'text/javascript; charset=utf-8'

/** What the page loads from here, each with where it comes from. Read, or made, when first asked for: a start is not delayed. */
const files: Readonly<Record<string, { readonly contentType: string; read(): Promise<string | Buffer> }>> = {
  '/explore/sandbox.js': { contentType: script, read: sandboxScript },
  '/explore/graphiql.js': { contentType: script, read: () => packageFile('graphiql/graphiql.min.js') },
  '/explore/graphiql.css': {
    contentType: 'text/css; charset=utf-8',
    read: () => packageFile('graphiql/graphiql.min.css'),
  },
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
 * The page at `/graphql` for people: Apollo Sandbox when its site can be reached, else GraphiQL from this machine, with the
 * same examples. Nothing is sent to anybody; Sandbox's telemetry is off.
 * @returns the page for a path, as asked for at a host; null for paths that are none of its own
 */
export function explorePages(): (path: string, host: string) => Promise<Page | null> {
  const read = new Map<string, Promise<Page>>()
  return async (path, host) => {
    if (path === '/graphql') {
      return {
        contentType: 'text/html; charset=utf-8',
        body: html,
        headers: { 'Content-Security-Policy': contentSecurityPolicy(host), 'Cache-Control': 'no-store' },
      }
    }
    const file = Object.hasOwn(files, path) ? files[path] : undefined
    if (file === undefined) return null
    const known = read.get(path)
    if (known !== undefined) return known
    const page = file.read().then(body => ({
      contentType: file.contentType,
      body,
      headers: { 'Cache-Control': 'no-cache' },
    }))
    read.set(path, page)
    page.catch(() => read.delete(path))
    return page
  }
}

/** Scripts from here alone; the graph at this address and Sandbox's site are all the page may talk to. */
function contentSecurityPolicy(host: string): string {
  // Not every browser counts websockets of the same host as 'self'.
  const sockets = /^[\w.:[\]-]+$/.test(host) ? ` ws://${host} wss://${host}` : ''
  return [
    `default-src 'none'`,
    `script-src 'self' 'sha256-${createHash('sha256').update(pageScript).digest('base64')}'`,
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
