import { defineConfig } from 'vitest/config'

export default defineConfig({
  // Vite would take graphql's ESM file and Apollo's packages its CommonJS one: two copies, "another module or realm".
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
