import { defineConfig } from 'oxlint';

/** The linter's rules, and the table of who may import whom. */

const RESOURCES = ['accounts', 'apps', 'changes', 'connections', 'metrics', 'operator', 'users', 'webhooks'];
/** The HTTP contract: zod schemas that the server, the CLI and the client's types share. */
const CONTRACT = [
  'http/api/schemas.ts',
  'http/api/problem-codes.ts',
  ...RESOURCES.map((resource) => `http/api/${resource}/contract.ts`),
  'http/api/metrics/queries.ts',
];

/** What the folders of `src` hold, and which other folders, or single files of them, each may import. */
const LAYERS: Record<string, { imports: string[]; message: string }> = {
  domain: { imports: [], message: 'domain/ holds rules and types: it imports nothing of ours and does no I/O.' },
  withings: { imports: [], message: 'withings/ is a client for the Withings API: it imports nothing of ours.' },
  crypto: { imports: ['domain'], message: 'crypto/ seals, signs and mints: it imports domain only.' },
  store: { imports: ['domain'], message: 'store/ is D1 and KV: it imports domain only.' },
  broker: {
    imports: ['domain', 'crypto', 'withings', 'store'],
    message: 'broker/ holds use cases: it imports domain, crypto, withings and store.',
  },
  http: {
    imports: ['domain', 'broker'],
    message: 'http/ is an entrance: it imports broker and domain, and calls use cases.',
  },
  simulator: {
    imports: ['withings/wire.ts'],
    message: 'simulator/ is a Withings of its own: it shares the wire types with the client and nothing else.',
  },
  client: { imports: CONTRACT, message: "client/ knows the server by its contract's types alone." },
  cli: {
    imports: ['client', ...CONTRACT],
    message: 'cli/ is a client of the HTTP API: it knows the server by its contract alone.',
  },
};
const ROOT_FILES = ['compose', 'config', 'cron', 'edge', 'worker'];
/** These run on Node. The Worker has no Node APIs. */
const NODE_LAYERS = ['cli'];

type Pattern = { regex: string; message: string; allowTypeImports?: boolean };

/**
 * A regular expression for every text that begins with none of the given ones: the linter's dialect has no look-ahead.
 */
const startsWithNone = (texts: readonly string[]): string => {
  if (texts.includes('')) return '[]';
  const initials = [...new Set(texts.map((text) => text.charAt(0)))];
  const rest = (initial: string) =>
    startsWithNone(texts.filter((text) => text.startsWith(initial)).map((text) => text.slice(1)));
  const branches = initials.map((initial) => [initial, rest(initial)]).filter(([, after]) => after !== '[]');
  return `(?:[^${initials.map(escaped).join('')}]${branches.map(([initial = '', after]) => `|${escaped(initial)}${after}`).join('')})`;
};
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

/** What `layer` must not import of ours. */
const crossings = (layer: string, { imports, message }: { imports: string[]; message: string }): Pattern => {
  const targets = Object.keys(LAYERS)
    .filter((other) => other !== layer && !imports.includes(other))
    .map((other) => {
      const files = imports.filter((path) => path.startsWith(`${other}/`)).map((path) => path.slice(other.length + 1));
      return files.length === 0 ? `${other}/` : `${other}/${startsWithNone(files)}`;
    });
  return { regex: `^(\\.\\./)+(${[...targets, ...ROOT_FILES.map((file) => `${file}\\.ts`)].join('|')})`, message };
};

const NO_NODE: Pattern = {
  regex: '^node:',
  message: 'The Worker has no Node APIs; only the CLI and the simulator’s main do.',
};
/** What is published without dependencies imports nothing at run time. */
const CLIENT: Pattern[] = [
  { regex: `^${startsWithNone(['.', 'zod'])}`, message: LAYERS['client']?.message ?? '' },
  {
    regex: `^(zod$|(\\.\\./)+(${CONTRACT.map(escaped).join('|')}))`,
    allowTypeImports: true,
    message: 'client/ imports types only.',
  },
];

/**
 * The types of Workers declare these for a compatibility flag that is not set: they compile, and fail in production.
 */
const NODE_GLOBALS = ['process', 'Buffer', 'global', 'setImmediate', 'clearImmediate'];

const restrictImports = (patterns: Pattern[]) => ({ 'no-restricted-imports': ['error' as const, { patterns }] });

export default defineConfig({
  plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise'],
  categories: {
    correctness: 'error',
    suspicious: 'error',
  },
  env: {
    builtin: true,
  },
  ignorePatterns: ['node_modules', 'dist', 'migrations', 'examples/**', 'test/fixtures/generators'],
  rules: {
    'import/no-cycle': ['error', { ignoreTypes: false }],
    'import/no-default-export': 'error',
    'oxc/no-barrel-file': 'error',
    'typescript/no-explicit-any': 'error',
    'typescript/no-non-null-assertion': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/switch-exhaustiveness-check': [
      'error',
      {
        considerDefaultExhaustiveForUnions: true,
      },
    ],
    'typescript/consistent-type-imports': 'error',
    'typescript/no-unsafe-type-assertion': 'off',
    'typescript/no-unnecessary-type-assertion': 'error',
    'typescript/return-await': 'error',
    'typescript/consistent-return': 'off',
    'eslint/eqeqeq': 'error',
    'eslint/no-var': 'error',
    'eslint/prefer-const': 'error',
    'eslint/no-console': 'error',
    'eslint/max-lines': [
      'error',
      {
        max: 250,
      },
    ],
    'eslint/max-lines-per-function': [
      'error',
      {
        max: 50,
      },
    ],
    'eslint/no-underscore-dangle': 'off',
    'eslint/no-shadow': 'off',
    'unicorn/consistent-function-scoping': 'off',
    'unicorn/no-array-sort': 'off',
    'import/no-unassigned-import': 'off',
    'eslint/no-await-in-loop': 'off',
    ...restrictImports([NO_NODE]),
  },
  overrides: [
    {
      files: ['*.config.ts', 'src/worker.ts', 'test/**/*.config.ts', 'test/e2e/setup.ts'],
      rules: { 'import/no-default-export': 'off' },
    },
    {
      // What a program imports from the published package.
      files: ['src/client/index.ts'],
      rules: { 'oxc/no-barrel-file': 'off' },
    },
    {
      files: ['src/**'],
      rules: { 'no-restricted-globals': ['error', ...NODE_GLOBALS] },
    },
    ...Object.entries(LAYERS).map(([layer, rule]) => ({
      files: [`src/${layer}/**`],
      rules: restrictImports([
        crossings(layer, rule),
        ...(layer === 'client' ? CLIENT : NODE_LAYERS.includes(layer) ? [] : [NO_NODE]),
      ]),
    })),
    {
      files: ['src/simulator/main.ts', 'src/cli/**', 'scripts/**', 'test/**'],
      rules: { 'eslint/no-console': 'off', 'no-restricted-globals': 'off' },
    },
    {
      files: ['src/simulator/main.ts', 'scripts/**', 'test/**', '*.config.ts'],
      rules: { 'no-restricted-imports': 'off' },
    },
    {
      // A `describe` holds its tests, and a stand-in its small functions.
      files: ['test/**'],
      rules: { 'eslint/max-lines-per-function': 'off' },
    },
  ],
});
