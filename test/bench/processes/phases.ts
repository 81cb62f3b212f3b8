/** The steps of a start one by one, each with its time, as JSON. */
const parts: { readonly name: string; readonly ms: number }[] = [{ name: 'node and loader', ms: performance.now() }]

async function timed<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work()
  parts.push({ name, ms: performance.now() - began })
  return result
}

await timed('load graphql', () => import('graphql'))
await timed('load Apollo server', () => import('@apollo/server'))
await timed('load systems', () => import('../../../subgraphs/registry.ts'))
const { Planner } = await timed('load planner', () => import('../../../gateway/graph/planner.ts'))
const { openStore } = await timed('load store', () => import('../../../gateway/store/open.ts'))
await timed('load the rest', () => import('../../../gateway/gateway.ts'))
const { supergraph } = await import('../../../gateway/graph/supergraph.ts')
const sdl = await timed('supergraph', () => supergraph())
await timed('planner', () => new Planner(sdl))
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const store = await timed('store', () => openStore('sqlite::memory:', { log: quiet, clock: { now: () => new Date() } }))
await store.close()
process.stdout.write(JSON.stringify({ parts }))
