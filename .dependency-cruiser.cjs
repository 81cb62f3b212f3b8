/** Imports run one way: gateway -> subgraphs -> schema; tests may import all, simulators nothing of ours. */
module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'schema-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^schema/' },
      to: { path: '^(gateway|subgraphs|test)/' },
    },
    {
      name: 'subgraphs-do-not-know-the-gateway',
      severity: 'error',
      from: { path: '^subgraphs/' },
      to: { path: '^(gateway|test)/' },
    },
    { name: 'gateway-does-not-know-the-tests', severity: 'error', from: { path: '^gateway/' }, to: { path: '^test/' } },
    {
      name: 'a-role-imports-no-other-role',
      severity: 'error',
      from: { path: '^subgraphs/([^/]+)/' },
      to: { path: '^subgraphs/[^/]+/', pathNot: '^subgraphs/$1/' },
    },
    {
      name: 'a-system-is-known-by-the-registry-alone',
      severity: 'error',
      from: { path: '^(gateway|subgraphs)/', pathNot: '^subgraphs/(registry\\.ts|[^/]+/[^/]+/)' },
      to: { path: '^subgraphs/[^/]+/[^/]+/' },
    },
    {
      name: 'systems-do-not-import-each-other',
      severity: 'error',
      from: { path: '^subgraphs/([^/]+)/([^/]+)/' },
      to: { path: '^subgraphs/[^/]+/[^/]+/', pathNot: '^subgraphs/$1/$2/' },
    },
    {
      name: 'simulators-import-nothing-of-ours',
      severity: 'error',
      from: { path: '^test/simulators/' },
      to: { path: '^(gateway|subgraphs|schema)/' },
    },
    {
      name: 'one-folder-knows-planner-and-gateway-library',
      severity: 'error',
      from: { path: '^(gateway|subgraphs|schema)/', pathNot: '^gateway/graph/' },
      to: { path: 'node_modules/@apollo/(gateway|query-planner|composition|federation-internals|subgraph)/' },
    },
    { name: 'nobody-imports-main', severity: 'error', from: {}, to: { path: '^gateway/main\\.ts$' } },
    {
      name: 'push-does-not-come-back',
      severity: 'error',
      from: { path: '^gateway/graph/' },
      to: { path: '^gateway/(push|webhooks|changes)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      conditionNames: ['import', 'node', 'default', 'types'],
      exportsFields: ['exports'],
    },
  },
}
