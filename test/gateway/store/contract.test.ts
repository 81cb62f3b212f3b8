import { describe } from 'vitest'
import { storeContract } from '../../suites/store.ts'
import { isOnPostgres } from '../../postgres/database.ts'
import { openAndClose, openMemoryStore, temporaryDirectory } from './open-for-test.ts'

describe('a store of one kind keeps the contract of all', () => storeContract(openMemoryStore))

describe.skipIf(isOnPostgres)('a store in a file does as well', () =>
  storeContract(() => openAndClose(`sqlite:${temporaryDirectory()}/graph.db`)),
)
