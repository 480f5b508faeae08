/**
 * Restores the database by D1's Time Travel, and carries over what the earlier one lacks. A run that was cut at any
 * step is run again: it goes on with what it had saved, and each step may be done twice.
 */
import { cloudflareWith } from '../deploy/cloudflare.ts';
import { deploymentConfig, frontName, readProject } from '../deploy/config-file.ts';
import type { DeployContext } from '../deploy/deployment.ts';
import { checkHealth } from '../deploy/health.ts';
import { findAccount, findExistingResources } from '../deploy/resources.ts';
import { userError } from '../user-error.ts';
import { CARRIED_TABLES, type Carried, carryOver, knownMigrations } from './carry-over.ts';
import { databaseWith } from './database.ts';
import { pause, PAUSED, resume } from './pause.ts';
import { savedIn } from './saved.ts';

export type RestoreOptions = {
  /** A time in RFC 3339, or a bookmark of Time Travel. */
  to: string;
  accountId: string | undefined;
  /** Where to ask for `/healthz`, if not at the address of the broker. */
  healthUrl: string | undefined;
  dryRun: boolean;
};

export type RestoreContext = Pick<DeployContext, 'env' | 'stateDir' | 'ask' | 'say' | 'wait' | 'wranglerWith'>;

/** Restores the database. */
export const restore = async (options: RestoreOptions, context: RestoreContext): Promise<void> => {
  const { say, wait } = context;
  mustBeTimeOrBookmark(options.to);
  const target = await findTarget(options, context);
  const { database, cloudflare, workers, url, isPaused } = target;
  mustBeKnown(await database.migrations());
  const bookmark = BOOKMARK.test(options.to) ? options.to : await database.bookmarkAt(options.to);
  say(`to: ${bookmark}`);
  const saved = savedIn(context.stateDir);
  if (saved.exists() && !isPaused) {
    throw userError(
      `${saved.folder} holds the newest tokens of a restore that was not finished, and the broker has run since. If a later one was finished, delete the folder. Otherwise set the secret ${PAUSED} to yes, and run this again.`,
    );
  }
  if (options.dryRun) return planOf(bookmark, saved.exists(), workers).forEach(say);
  const broker = { cloudflare, workers, url, wait };
  if (!saved.exists()) {
    await pause(broker, database.longestLeaseMs);
    say(`paused: ${workers.join(', ')}`);
    say(`to undo all this: npm run restore -- --to ${await database.bookmarkAt(undefined)}`);
    await saved.save(database.exportTo);
    say(`saved: what is newer, in ${saved.folder}, with the tokens sealed`);
  }
  await database.restoreTo(bookmark);
  say('database: restored');
  await database.migrate();
  say('migrations: applied');
  const { sql, carried } = carryOver(
    { newer: saved.newer(), earlier: await saved.earlier(database.exportTo) },
    Date.now(),
  );
  if (sql !== '') await database.runFile(saved.write(sql));
  say(`carried over: ${inWords(carried)}`);
  // First the file, then the pause: while it is there, the database may lack what it holds.
  saved.remove();
  await resume(broker);
  const failing = await checkHealth(url);
  say(`${url}/healthz: answers${failing.length === 0 ? '' : `, but these fail: ${failing.join(', ')}`}`);
};

/** https://developers.cloudflare.com/d1/reference/time-travel/#bookmarks */
const BOOKMARK = /^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32,64}$/;

/** A time in UTC or with its offset: without one, each program takes another. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/;

const mustBeTimeOrBookmark = (to: string): void => {
  if (BOOKMARK.test(to) || (TIME.test(to) && !Number.isNaN(Date.parse(to)))) return;
  throw userError('--to takes a time with its zone, such as 2026-06-15T12:00:00Z, or a bookmark of Time Travel.');
};

/** What a newer release stores would be neither carried over nor there afterwards. */
const mustBeKnown = (applied: readonly string[]): void => {
  const known = knownMigrations();
  const newer = applied.find((name) => !known.includes(name));
  if (newer === undefined) return;
  throw userError(
    `The database has the migration ${newer}, which this release does not know. Check out the release that is deployed, and run this again. Nothing was changed.`,
  );
};

const planOf = (bookmark: string, isSaved: boolean, workers: readonly string[]): string[] => [
  ...(isSaved
    ? ['saved by an earlier run: what is newer']
    : [
        `PUT secret ${PAUSED} of ${workers.join(' and ')}: every request is refused, and no token is refreshed`,
        'wait a minute, and until no lease runs',
        `wrangler d1 export: ${CARRIED_TABLES.join(', ')}`,
      ]),
  `wrangler d1 time-travel restore: ${bookmark}`,
  'wrangler d1 migrations apply',
  'wrangler d1 export again, to compare',
  'wrangler d1 execute: what is newer, in one transaction',
  `DELETE secret ${PAUSED}`,
  'Nothing of that was done.',
];

const inWords = (carried: readonly Carried[]): string => {
  const changed = carried.filter(({ written, deleted }) => written + deleted > 0);
  const words = changed.map(({ table, written, deleted }) => `${table} (${written} written, ${deleted} deleted)`);
  return words.length === 0 ? 'nothing was newer' : words.join(', ');
};

/** What is restored, and how it is reached. */
const findTarget = async ({ accountId: asked, healthUrl }: RestoreOptions, context: RestoreContext) => {
  const { env, stateDir, ask, wranglerWith } = context;
  const project = readProject(env);
  const earlier = stateDir.deployment();
  const accountId = await findAccount(wranglerWith(env), asked ?? earlier?.accountId, ask);
  const wrangler = wranglerWith({ ...env, CLOUDFLARE_ACCOUNT_ID: accountId });
  const cloudflare = cloudflareWith(wrangler, accountId, env);
  const { databaseId, namespaceId, secretNames, frontSecretNames } = await findExistingResources(
    cloudflare,
    project,
    earlier,
  );
  if (databaseId === undefined || namespaceId === undefined) throw userError('The account has no broker of this name.');
  const url = healthUrl ?? (earlier?.domain ? `https://${earlier.domain}` : earlier?.workersDevUrl);
  if (url === undefined) throw userError('Where does the broker answer? Give its address as --health-url.');
  const file = deploymentConfig(project, { accountId, databaseId, namespaceId }, {});
  return {
    cloudflare,
    url,
    workers: [project.name, ...(frontSecretNames === undefined ? [] : [frontName(project)])],
    isPaused: secretNames.includes(PAUSED),
    database: databaseWith(wrangler, stateDir.writeRestoreConfig(file)),
  };
};
