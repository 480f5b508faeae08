import { and, eq, isNull } from 'drizzle-orm';

import type { EpochMs } from '../../domain/time.ts';
import { tryD1, type Db, type StoreResult } from '../d1.ts';
import { prepared, type Param } from '../prepared.ts';
import { claims } from '../schema/connections.ts';
import { type LinkTarget, TARGET_BY_URI_ID, targetOf } from './links.ts';

/**
 * The marks of what may be used once. The id alone decides: when a mark is deleted says nothing about whose it is, so isolates that
 * compute different times still meet in one row.
 */

/** One thing that may be used once: a state, a connect session. */
export type Claim = {
  id: string;
  /** When the mark may be deleted: beyond the end of everything that refers to the id. */
  expiresAt: EpochMs;
};

/** What a callback finds when it claims its state. */
export type ClaimedLink = {
  /** Whether this callback is the first with its state: the only one that may exchange the code. */
  won: boolean;
  /** Whether the connect session behind the link was still unused; true where there is none. */
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
 * Claims a state, and the connect session it came from, and reads what the callback is checked against, in one round trip. The insert
 * decides: of any number of callbacks with one state, anywhere, exactly one sees it succeed.
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

/** The statement that notes how a claimed flow ended, for the callbacks that lost the claim. */
export const noteOutcomeStatement = (db: Db, { id }: Claim, outcome: string): D1PreparedStatement =>
  NOTE_OUTCOME.bind(db, { id, outcome });

const FREE = prepared((orm, param: Param<{ id: string }>) =>
  orm.delete(claims).where(and(eq(claims.id, param('id')), isNull(claims.outcome))),
);

/**
 * Notes how a claimed flow ended, where nothing else is written with it.
 *
 * @param freed the connect session that may be used again, because nothing was made of it
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

/** How the flow with this claim ended; undefined while it is under way. */
export const outcomeOf = (db: Db, { id }: Claim): StoreResult<string | undefined> =>
  tryD1(db, async () => (await OUTCOME.first(db, { id }))?.outcome ?? undefined);
