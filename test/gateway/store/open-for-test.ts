import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore } from '../../../gateway/store/open.ts'
import type { OpenStore } from '../../../gateway/store/store.ts'
import { createDatabase, isOnPostgres } from '../../postgres/database.ts'
import { fixedClock, quiet } from './ports.ts'

/** A store of its own that is closed when the test ends: in memory, or on Postgres in that part of the run. */
export function openMemoryStore(): Promise<OpenStore> {
  return isOnPostgres ? openPostgresStore() : openAndClose('sqlite::memory:')
}

async function openPostgresStore(): Promise<OpenStore> {
  const database = await createDatabase()
  onTestFinished(() => database.drop())
  return openAndClose(database.url)
}

/** A store that is closed when the test ends. */
export async function openAndClose(url: string): Promise<OpenStore> {
  const store = await openStore(url, { log: quiet, clock: fixedClock })
  onTestFinished(() => store.close())
  return store
}

/** A directory that is removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'livegraph-store-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
