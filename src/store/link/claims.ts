import { and, eq, isNull } from 'drizzle-orm';

import type { AppId } from '../../domain/app-id.ts';
import type { Minter } from '../../domain/audit.ts';
import type { EpochMs } from '../../domain/time.ts';
import { tryD1, tryD1Idempotent, type Db, type StoreResult, returnedRows } from '../d1.ts';
import { type Param, prepared, preparedAtStart } from '../prepared.ts';
import { claims } from '../schema/links.ts';
import { type LinkTarget, targetOfStatement, targetStatement } from './links.ts';

/**
 * The claims of single-use ids. The id alone is unique. Isolates may compute different expiries, and still meet in one
 * row.
 */

/** A single-use id: of a `state` or of a connect session. */
export type Claim = {
  id: string;
  /** When the claim may be deleted: after everything that refers to the id has expired. */
  expiresAt: EpochMs;
};

/** What a callback finds when it claims its state. */
export type ClaimedLink = {
  /** Whether this callback is the first with its `state`. Only the first may exchange the code. */
  won: boolean;
  /** Whether the link's connect session was unused; true if there is none. */
  sessionWon: boolean;
  target: LinkTarget | undefined;
};

/** Who claims, by a random id: a claim whose answer was lost is recognized when it is repeated. */
export type Claimant = string;

/**
 * Takes a claim. Returns a row if it is the claimant's, from now on or already. Raw SQL: the builder inserts no select
 * without a table.
 */
const claimSql = (row: string): string => `
  INSERT INTO claims (expires_at, id, claimant) ${row}
  ON CONFLICT DO UPDATE SET claimant = excluded.claimant WHERE claims.claimant = excluded.claimant
  RETURNING id`;
const CLAIM = claimSql('VALUES (?1, ?2, ?3)');
/** Behind the claim of the state: a callback that lost it uses up no session. */
const CLAIM_TOO = claimSql('SELECT ?1, ?2, ?3 WHERE changes() > 0');

const claimStatement = (db: Db, sql: string, { id, expiresAt }: Claim, claimant: Claimant): D1PreparedStatement =>
  db.d1.prepare(sql).bind(expiresAt, id, claimant);

/** A callback's `state`, its connect session, and the redirect URI that it names. */
export type LinkToClaim = {
  state: Claim;
  session: (Claim & { minter: Minter }) | undefined;
  appId: AppId;
  redirectUriId: string;
  claimant: Claimant;
};

/**
 * The statements that claim a `state` and its connect session, and read what the callback is checked against. The
 * insert decides: of any number of callbacks with one `state`, exactly one succeeds. Repeating them changes nothing.
 * `changes() > 0` is true behind them if everything was won.
 */
export const claimStatements = (
  db: Db,
  { state, session, appId, redirectUriId, claimant }: LinkToClaim,
  now: EpochMs,
): D1PreparedStatement[] => [
  targetStatement(db, appId, redirectUriId, session && { minter: session.minter, now }),
  claimStatement(db, CLAIM, state, claimant),
  ...(session === undefined ? [] : [claimStatement(db, CLAIM_TOO, session, claimant)]),
];

/** What the statements answered. */
export const claimedOf = (
  { session }: LinkToClaim,
  [read, claimed, claimedSession]: readonly D1Result[],
): ClaimedLink => ({
  won: hasRow(claimed),
  sessionWon: session === undefined || hasRow(claimedSession),
  target: targetOfStatement(read),
});

const hasRow = (result: D1Result | undefined): boolean => returnedRows(result) > 0;

/** Claims in one round trip. */
export const claimLink = (db: Db, link: LinkToClaim, now: EpochMs): StoreResult<ClaimedLink> =>
  tryD1Idempotent(db, async () => claimedOf(link, await db.d1.batch(claimStatements(db, link, now))));

const RECORD_OUTCOME = preparedAtStart((orm, param: Param<{ id: string; outcome: string }>) =>
  orm
    .update(claims)
    .set({ outcome: param('outcome') })
    .where(eq(claims.id, param('id'))),
);

/** The statement that stores the outcome of a claimed flow, for callbacks that lost the claim. */
export const recordOutcomeStatement = (db: Db, { id }: Claim, outcome: string): D1PreparedStatement =>
  RECORD_OUTCOME.bind(db, { id, outcome });

const FREE = prepared((orm, param: Param<{ id: string; claimant: Claimant }>) =>
  orm
    .delete(claims)
    .where(and(eq(claims.id, param('id')), eq(claims.claimant, param('claimant')), isNull(claims.outcome))),
);

/**
 * Stores the outcome of a claimed flow, if nothing else is written with it. Repeating it changes nothing.
 *
 * @param freed the connect session to free, because no connection was made of it, and who claimed it
 */
export const recordOutcome = (
  db: Db,
  claim: Claim,
  outcome: string,
  freed?: { id: string; claimant: Claimant },
): StoreResult<void> =>
  tryD1Idempotent(db, async () => {
    await db.d1.batch([
      recordOutcomeStatement(db, claim, outcome),
      ...(freed === undefined ? [] : [FREE.bind(db, freed)]),
    ]);
  });

const OUTCOME = prepared((orm, param: Param<{ id: string }>) =>
  orm
    .select({ outcome: claims.outcome })
    .from(claims)
    .where(eq(claims.id, param('id'))),
);

/** The outcome of the flow with this claim; undefined until it has one. */
export const outcomeOf = (db: Db, { id }: Claim): StoreResult<string | undefined> =>
  tryD1(db, async () => (await OUTCOME.first(db, { id }))?.outcome ?? undefined);
