// The layers of src/, as rules: arrows point down, siblings do not import each other, each outside thing has one owner.
// src/README.md draws the same picture in words.
const pure = '^src/(rollout|analysis|routing|injection|api|base)/'
const adapters = '^src/(kube|certs|metrics|runtime)/'
const components = '^src/(controller|webhook|proxy|loadtester)/'
const surfaces = '^src/(cli|dashboard|sandbox)/'
const test = '[.]test[.]ts$'

/** One owner for each third-party library: nobody else imports it. */
const owners = {
  express: '^src/(webhook|controller)/',
  '@kubernetes/client-node': '^src/kube/',
  'prom-client': '^src/metrics/',
  'node-forge': '^src/certs/',
  commander: '^src/cli/',
  'log-update': '^src/dashboard/',
  re2js: '^src/routing/',
  rfc6902: '^src/webhook/',
  yaml: '^src/(base|cli|sandbox)/',
  ajv: '^src/sandbox/',
  'fast-json-patch': '^src/sandbox/',
  '@marcbachmann/cel-js': '^src/sandbox/',
}

const sibling = (group, names) =>
  names.map((name) => ({
    name: `${group}-siblings-${name}`,
    comment: `${name} is a ${group}; it may use what lies below, not its siblings.`,
    severity: 'error',
    from: { path: `^src/${name}/`, pathNot: test },
    to: { path: `^src/(${names.filter((other) => other !== name).join('|')})/` },
  }))

export default {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'pure-imports-pure',
      comment: 'Decisions have no I/O, clock, randomness or environment: they import pure code alone.',
      severity: 'error',
      from: { path: pure, pathNot: test },
      to: { path: '^src/', pathNot: pure },
    },
    {
      name: 'pure-has-no-node',
      comment: 'The pure zone touches no operating system.',
      severity: 'error',
      from: { path: pure, pathNot: test },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'base-is-the-ground',
      severity: 'error',
      from: { path: '^src/base/', pathNot: test },
      to: { path: '^src/', pathNot: '^src/base/' },
    },
    {
      name: 'api-stands-on-base',
      severity: 'error',
      from: { path: '^src/api/', pathNot: test },
      to: { path: '^src/', pathNot: '^src/(api|base)/' },
    },
    {
      name: 'adapters-look-down',
      severity: 'error',
      from: { path: adapters, pathNot: test },
      to: { path: `${components}|${surfaces}|^src/bin/` },
    },
    {
      name: 'components-look-down',
      severity: 'error',
      from: { path: components, pathNot: test },
      to: { path: `${surfaces}|^src/bin/` },
    },
    {
      name: 'proxy-knows-no-kubernetes',
      comment: 'The sidecar must be able to serve with no API server in the world.',
      severity: 'error',
      from: { path: '^src/proxy/', pathNot: test },
      to: { path: '^src/kube/|@kubernetes/client-node', reachable: true },
    },
    ...sibling('component', ['controller', 'webhook', 'proxy', 'loadtester']),
    ...sibling('adapter', ['kube', 'certs', 'metrics', 'runtime']),
    ...Object.entries(owners).map(([library, owner]) => ({
      name: `${library.replaceAll(/[^a-z]/g, '')}-has-one-owner`,
      severity: 'error',
      from: { path: '^src/', pathNot: `${owner}|${test}` },
      to: { path: `node_modules/${library}/` },
    })),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
