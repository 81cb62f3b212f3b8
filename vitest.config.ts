import { existsSync, readdirSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

/** Tests that open just any store: they run on SQLite, and once more on Postgres. */
const onEveryStore = [
  'test/gateway/store/{contract,deliveries,delivery-history,leases,progress,quarantine,received,replays,secrets}.test.ts',
  'test/gateway/writes/*.test.ts',
  'test/gateway/changes/*.test.ts',
  'test/gateway/links/*.test.ts',
]

/** Tests of several processes, and of Postgres itself. */
const onPostgres = ['test/postgres/*.test.ts', 'test/gateway/store/postgres/*.test.ts', 'test/flows/several/*.test.ts']

const hasPostgres =
  existsSync('/usr/lib/postgresql') &&
  readdirSync('/usr/lib/postgresql').some(version => existsSync(`/usr/lib/postgresql/${version}/bin/initdb`))

if (!hasPostgres) {
  const missing = 'No Postgres was found under /usr/lib/postgresql (Debian: apt-get install postgresql)'
  if (process.env['LIVEGRAPH_NEEDS_POSTGRES'] === '1')
    throw new Error(`${missing}, and LIVEGRAPH_NEEDS_POSTGRES is set.`)
  process.stdout.write(`${missing}: the tests on it are left out.\n`)
}

export default defineConfig({
  // Vite would take graphql's ESM file and Apollo's packages its CommonJS one: two copies, "another module or realm".
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    testTimeout: 60_000,
    // On two cores there would be one; tests wait for processes and tools more than they work.
    maxWorkers: '100%',
    hookTimeout: 60_000,
    // What is waited for comes when it can, on a busy machine too.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: { name: 'embedded', include: ['test/**/*.test.ts'], exclude: [...onPostgres, 'node_modules/**'] },
      },
      ...(hasPostgres
        ? [
            {
              extends: true as const,
              test: {
                name: 'postgres',
                include: [...onEveryStore, ...onPostgres],
                env: { LIVEGRAPH_TEST_STORE: 'postgres' },
                globalSetup: 'test/postgres/setup.ts',
              },
            },
          ]
        : []),
    ],
  },
})
