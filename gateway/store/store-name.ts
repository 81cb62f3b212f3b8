import { fileOf } from './open.ts'

const demoUrl = 'sqlite:.data/demo.db'

/**
 * What a store is called where a person finds nothing in it: often the demo's was meant, which is another one than that of the
 * settings. Without what a URL may hold besides: a password.
 */
export function storeName(storeUrl: string): string {
  const file = fileOf(storeUrl)
  if (file === null) return 'this database'
  return storeUrl === demoUrl ? `the demo's store, ${file}` : `${file} (the demo's is another: STORE_URL=${demoUrl})`
}
