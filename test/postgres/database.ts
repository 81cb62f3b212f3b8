import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { inject } from 'vitest'
import { template } from './setup.ts'

/** Whether the tests of this run that open just any store open one on Postgres. */
export const isOnPostgres = process.env['LIVEGRAPH_TEST_STORE'] === 'postgres'

export interface Database {
  readonly url: string
  /** One statement on it, beside the program. */
  run(statement: string): Promise<readonly Record<string, unknown>[]>
  /** Cuts off whoever is connected. */
  drop(): Promise<void>
}

/** A database of its own with the store's tables in it, on the run's server. */
export async function createDatabase(): Promise<Database> {
  const name = `test_${randomBytes(8).toString('hex')}`
  const base = inject('postgresUrl')
  await runOn(`${base}postgres`, `create database ${name} template ${template}`)
  const url = `${base}${name}`
  return {
    url,
    run: statement => runOn(url, statement),
    async drop() {
      await runOn(`${base}postgres`, `drop database if exists ${name} with (force)`)
    },
  }
}

async function runOn(url: string, statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}
