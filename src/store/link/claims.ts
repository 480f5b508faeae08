import { and, eq, isNull } from 'drizzle-orm';

import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { claims } from '../schema/links.ts';
import { type LinkTarget, TARGET_BY_URI_ID, targetOf } from './links.ts';

/**
 * The marks of single-use ids. The id alone is unique. Isolates may compute different expiries, and still meet in one
 * row.
 */

/** A single-use id: of a `state` or of a connect session. */
export type Claim = {
  id: string;
  /** When the mark may be deleted: after everything that refers to the id has expired. */
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

const CLAIM = prepared((orm, param: Param<Claim>) =>
  orm
    .insert(claims)
    .values({ id: param('id'), expiresAt: param('expiresAt') })
    .onConflictDoNothing()
    .returning({ id: claims.id }),
);

/**
 * Claims a `state` and its connect session, and reads what the callback is checked against, in one round trip. The
 * insert decides: of any number of callbacks with one `state`, exactly one succeeds.
 */
export const claimLink = (
  db: Db,
  state: Claim,
  session: Claim | undefined,
  appId: string,
  redirectUriId: string,
): StoreResult<ClaimedLink> =>
  tryD1(db, async () => {
    const [read, claimed, claimedSession] = await db.d1.batch([
      TARGET_BY_URI_ID.bind(db, { appId, redirectUriId }),
      CLAIM.bind(db, state),
      ...(session === undefined ? [] : [CLAIM.bind(db, session)]),
    ]);
    return {
      won: CLAIM.rowsOf(claimed).length > 0,
      sessionWon: session === undefined || CLAIM.rowsOf(claimedSession).length > 0,
      target: targetOf(TARGET_BY_URI_ID.rowsOf(read)),
    };
  });

const NOTE_OUTCOME = prepared((orm, param: Param<{ id: string; outcome: string }>) =>
  orm
    .update(claims)
    .set({ outcome: param('outcome') })
    .where(eq(claims.id, param('id'))),
);

/** The statement that stores the outcome of a claimed flow, for callbacks that lost the claim. */
export const noteOutcomeStatement = (db: Db, { id }: Claim, outcome: string): D1PreparedStatement =>
  NOTE_OUTCOME.bind(db, { id, outcome });

const FREE = prepared((orm, param: Param<{ id: string }>) =>
  orm.delete(claims).where(and(eq(claims.id, param('id')), isNull(claims.outcome))),
);

/**
 * Stores the outcome of a claimed flow, if nothing else is written with it.
 *
 * @param freed the connect session to free, because no connection was made of it
 */
export const noteOutcome = (db: Db, claim: Claim, outcome: string, freed?: Claim): StoreResult<void> =>
  tryD1(db, async () => {
    await db.d1.batch([
      noteOutcomeStatement(db, claim, outcome),
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
