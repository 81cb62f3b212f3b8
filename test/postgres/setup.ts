import type { TestProject } from 'vitest/node'
import { openStore } from '../../gateway/store/open.ts'
import { startPostgres } from './server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** The URL of the run's Postgres without a database's name. */
    readonly postgresUrl: string
  }
}

/** The database that the others are copies of: its tables are made already. */
export const template = 'livegraph_template'

/** One server for all tests on Postgres of a run. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres({ isDurable: false })
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const store = await openStore(await server.createDatabase(template), { log, clock: { now: () => new Date() } })
  await store.close()
  project.provide('postgresUrl', server.urlOf(''))
  return () => server.remove()
}
