import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Secrets } from '../secrets.ts';
import { userError } from '../user-error.ts';
import { type Child, runToEnd, startChild, untilReady, wranglerEnvironment, wranglerProgram } from './children.ts';
import { LOCALHOST } from './ports.ts';
import type { Reach } from './reach.ts';
import type { State } from './state.ts';

const MIGRATIONS = fileURLToPath(import.meta.resolve('../../migrations'));
/** As Cloudflare does. */
export const TICK_MS = 60_000;
/** The simulated Withings has room for more, and a developer who tries something does not wait a minute for it. */
export const SIMULATED_TICK_MS = 5_000;

export type Withings = {
  apiUrl: string;
  loginUrl: string;
  clientId: string;
  clientSecret: string;
  kind: 'simulated' | 'upstream' | 'real';
};

/**
 * Applies missing migrations to the local database. The applied ones are recorded in a file, because asking wrangler
 * takes seconds.
 */
export const migrate = async (state: State): Promise<void> => {
  const noted = state.path('wrangler/migrated');
  const names = readdirSync(MIGRATIONS)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  const wanted = names.join('\n');
  if (existsSync(noted) && readFileSync(noted, 'utf8') === wanted) return;
  const isNew = !existsSync(state.path('wrangler'));
  const all = state.path('migrations.sql');
  if (isNew) writeFileSync(all, allMigrations(names));
  const command = isNew ? ['execute', 'DB', '--file', all] : ['migrations', 'apply', 'DB'];
  const args = ['d1', ...command, '--local', '--persist-to', state.path('wrangler')];
  await runToEnd('Applying the migrations', wranglerProgram, args, wranglerEnvironment(state.dir));
  rmSync(all, { force: true });
  mkdirSync(dirname(noted), { recursive: true });
  writeFileSync(noted, wanted);
};

/**
 * Every migration, and the table in which wrangler records them, as wrangler creates it. `wrangler d1 migrations apply`
 * starts a workerd for each migration, which takes ten times as long for a new database.
 */
const allMigrations = (names: readonly string[]): string =>
  [
    `CREATE TABLE d1_migrations(
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       name TEXT UNIQUE,
       applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
     );`,
    ...names.flatMap((name) => [
      readFileSync(join(MIGRATIONS, name), 'utf8'),
      `;INSERT INTO d1_migrations (name) VALUES ('${name}');`,
    ]),
  ].join('\n');

type WorkerOptions = {
  port: number;
  reach: Reach;
  secrets: Secrets;
  withings: Withings;
  settings: Record<string, string>;
  onLine: (line: string) => void;
};

/**
 * Starts the Worker in workerd, as `wrangler dev` runs it, and resolves when it serves requests.
 *
 * @param onLine gets what the Worker logs; everything, wrangler's own output included, also goes to `worker.log` in the
 *   state folder
 */
export const startWorker = async (
  state: State,
  { port, reach, secrets, withings, settings, onLine }: WorkerOptions,
): Promise<Child> => {
  // With this environment file wrangler does not read another one of the project.
  const variables = state.path('worker.env');
  // Trying or testing the flow links more people a minute than real use.
  const share = withings.kind === 'simulated' ? 'LINK_REQUESTS_PER_MINUTE="120"\n' : '';
  const text = `WITHINGS_API_URL="${withings.apiUrl}"\nWITHINGS_LOGIN_URL="${withings.loginUrl}"\n${share}`;
  writeFileSync(variables, text, { mode: 0o600 });
  const log = state.path('worker.log');
  writeFileSync(log, '', { mode: 0o600 });
  const child = startChild(
    wranglerProgram,
    [
      ['dev', '--local', '--ip', reach.listenOn, '--port', String(port), '--inspector-port', '0'],
      ['--persist-to', state.path('wrangler'), '--env-file', variables, '--show-interactive-dev-session', 'false'],
      ...tunnelled(reach),
      // The file is read only for what wrangler.toml lists.
      ...Object.entries(settings).map(([name, value]) => ['--var', `${name}:${value}`]),
    ].flat(),
    {
      // Wrangler reads the secrets listed in wrangler.toml from here, unchanged, so they are in no argument list.
      env: {
        ...wranglerEnvironment(state.dir),
        KEYRING: secrets.keyring,
        OPERATOR_TOKEN: secrets.operatorToken,
        WITHINGS_CLIENT_ID: withings.clientId,
        WITHINGS_CLIENT_SECRET: withings.clientSecret,
      },
      onLine: (line) => {
        appendFileSync(log, `${line}\n`);
        if (!line.startsWith('[wrangler:info]')) onLine(line);
      },
    },
  );
  await untilReady(child, 'The Worker', serverReady(child));
  const health = await fetch(`http://${LOCALHOST}:${port}/healthz`);
  if (!health.ok) throw userError(`The Worker is not set up right:\n${child.recentOutput()}`);
  return child;
};

/**
 * What the Worker has to know of a tunnel, which ends the encryption: where browsers are, and that they came by https.
 */
const tunnelled = ({ publicUrl }: Reach): string[][] =>
  publicUrl === undefined
    ? []
    : [
        ['--var', `PUBLIC_URL:${publicUrl}`],
        ['--local-upstream', new URL(publicUrl).host, '--upstream-protocol', 'https'],
      ];

/** Wrangler sends its parent process a message when it serves requests. */
const serverReady = (child: Child): Promise<void> =>
  new Promise((resolve) => {
    child.process.on('message', (message) => {
      if (typeof message === 'string' && message.includes('DEV_SERVER_READY')) resolve();
    });
  });

/** Fires the cron trigger, which wrangler leaves to the developer. */
export const startClock = (workerUrl: string, everyMs: number): NodeJS.Timeout =>
  setInterval(() => {
    fetch(`${workerUrl}/cdn-cgi/handler/scheduled?cron=*+*+*+*+*`).then(
      (response) => response.body?.cancel(),
      () => undefined,
    );
  }, everyMs);
