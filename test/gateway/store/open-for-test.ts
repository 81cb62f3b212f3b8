import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { openStore } from '../../../gateway/store/open.ts'
import type { Store } from '../../../gateway/store/store.ts'
import { fixedClock, quiet } from './ports.ts'

/** A store in memory that is closed when the test ends. */
export async function openMemoryStore(): Promise<Store> {
  const store = await openStore('sqlite::memory:', { log: quiet, clock: fixedClock })
  onTestFinished(() => store.close())
  return store
}

/** A directory that is removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'livegraph-store-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
