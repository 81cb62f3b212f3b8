import { findBinaries, startPostgres } from '../postgres/server.ts'
import { optionOf } from './figures.ts'

/**
 * Runs on each store that `--store=sqlite|postgres` asks for; on both without it.
 * @param run gets the store's name, and on Postgres a function that makes an empty durable database and tells its URL
 */
export async function onEachStore(
  run: (name: string, newDatabase: (() => Promise<string>) | null) => Promise<void>,
): Promise<void> {
  const asked = optionOf('store')
  if (asked !== 'postgres') await run('sqlite', null)
  if (asked !== 'sqlite') await onPostgres(newDatabase => run('postgres', newDatabase))
}

/** Says so and does nothing where there is no Postgres. */
export async function onPostgres(run: (newDatabase: () => Promise<string>) => Promise<void>): Promise<void> {
  if (findBinaries() === null) {
    console.log('no Postgres was found under /usr/lib/postgresql: what needs it is left out')
    return
  }
  const server = await startPostgres({ isDurable: true })
  let number = 0
  try {
    await run(() => server.createDatabase(`bench_${(number += 1)}`))
  } finally {
    await server.remove()
  }
}
