/** The walls of docs/design: who may import whom. `npm run check` holds them. */
const room = (name) => `^${name}/`;
const onlyFrom = (name, allowed) => ({
  name: `${name} imports only ${allowed.join(', ') || 'itself'}`,
  severity: 'error',
  from: { path: room(name) },
  to: {
    path: '^(schemas|events|domain|adapters|functions|infra|local|bench|test|territories)/',
    pathNot: [name, ...allowed].map(room),
  },
});
const step = (name, others) => ({
  name: `the step ${name} does not import another step`,
  severity: 'error',
  from: { path: `^domain/${name}[/.]` },
  to: { path: `^domain/(${others.join('|')})[/.]` },
});

module.exports = {
  forbidden: [
    onlyFrom('schemas', []),
    onlyFrom('events', ['schemas']),
    onlyFrom('domain', ['schemas', 'events']),
    onlyFrom('adapters', ['schemas', 'events', 'domain']),
    onlyFrom('functions', ['schemas', 'events', 'domain', 'adapters']),
    {
      name: 'infra imports schemas, events and what functions are told',
      severity: 'error',
      from: { path: '^infra/' },
      to: { path: '^(domain|adapters|local|bench|test)/|^functions/(?!.*(environment|variables)\\.ts$)' },
    },
    {
      name: 'schemas import zod only',
      severity: 'error',
      from: { path: '^schemas/' },
      to: { dependencyTypes: ['npm', 'npm-dev', 'core'], pathNot: 'node_modules/zod/' },
    },
    {
      name: 'only adapters (and scripts and tests) use the AWS SDK',
      severity: 'error',
      from: { path: '^(schemas|events|domain|infra)/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy|electrodb)/' },
    },
    {
      name: 'adapters implement ports: of the domain they import ports and shapes',
      severity: 'error',
      from: { path: '^adapters/' },
      to: { path: '^functions/' },
    },
    step('publish', ['route', 'deliver', 'pull', 'clock']),
    step('route', ['publish', 'deliver', 'pull', 'clock']),
    step('deliver', ['publish', 'pull', 'clock']),
    { name: 'no cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'nothing unresolved',
      severity: 'error',
      from: { pathNot: '^(bench|local)/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
    exclude: { path: '^(cdk\\.out|\\.local)/' },
  },
};
