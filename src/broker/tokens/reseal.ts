import * as z from 'zod';

import { sealingKeyId } from '../../crypto/seal.ts';
import { NO_APP, asAppId } from '../../domain/app-id.ts';
import type { Failure } from '../../domain/failure.ts';
import {
  isSettled,
  isPassDue,
  keyIdsInUse,
  type ResealState,
  type ResealWalk,
  currentPass,
} from '../../domain/reseal.ts';
import { ok, type Result } from '../../domain/result.ts';
import { parseStored } from '../../domain/stored-json.ts';
import { brokerStateText, replaceBrokerState } from '../../store/operator/broker-state.ts';
import { replaceSealed, type SealedTokens, sealedTokensAfter } from '../../store/tokens/reseal.ts';
import type { Deps } from '../deps.ts';
import { publishSigningKey } from '../link/signing-key.ts';
import { resealSecrets } from '../webhooks/secrets.ts';
import { requireReauth } from './access-token.ts';
import { openToken, sealToken, type TokenField } from './sealed-tokens.ts';

/** Connections in one step. Each has up to three blobs to open and seal, within the free plan's 10 ms of CPU. */
const CONNECTIONS_PER_STEP = 30;

/** The keyring's state, for the operator. */
export type KeyringReport = {
  currentKeyId: string;
  keyIds: readonly string[];
  /** Ids of keys that stored tokens need and the keyring lacks. Their connections pause until the key is back. */
  missingKeyIds: string[];
  /** Whether everything is sealed with the current key, so that the others can be removed. */
  settled: boolean;
  state: ResealState | undefined;
};

/** The keyring's state, from the finished passes and a sample of connections. Changes nothing. */
export const reportKeyring = async (deps: Deps): Promise<Result<KeyringReport, Failure>> => {
  const text = await brokerStateText(deps.db, 'keyring');
  if (!text.ok) return text;
  // A keyring that was replaced as a whole has no pass: a sample of connections shows which keys are needed.
  const sample = await sealedTokensAfter(deps.db, -1, CONNECTIONS_PER_STEP);
  if (!sample.ok) return sample;
  return ok(reportOf(deps, stateOf(text.value), sample.value.flatMap(keyIdsOf)));
};

const reportOf = (
  { keyring }: Pick<Deps, 'keyring'>,
  state: ResealState | undefined,
  seen: readonly string[],
): KeyringReport => {
  const needed = [...new Set([...keyIdsInUse(state), ...seen])];
  const missingKeyIds = needed.filter((keyId) => !keyring.keyIds.includes(keyId));
  return {
    currentKeyId: keyring.currentKeyId,
    keyIds: keyring.keyIds,
    missingKeyIds,
    // No pass is made over a ring of one key.
    settled: keyring.keyIds.length < 2 ? missingKeyIds.length === 0 : isSettled(state, keyring.currentKeyId),
    state,
  };
};

/**
 * Runs at each tick: seals the next tokens that are under an older key with the current one. Behind a front, it also
 * writes down which key is current.
 *
 * @param text the stored state of the keyring
 */
export const advanceKeyRotation = async (deps: Deps, text: string | undefined): Promise<void> => {
  if (deps.settings.isBehindFront) {
    const published = await publishSigningKey(deps);
    if (!published.ok) {
      deps.log({ level: 'warn', event: 'tick', outcome: 'signing_key_failed', reason: published.failure.kind });
    }
  }
  const state = stateOf(text);
  if (!isPassDue(state, deps.keyring, deps.now())) return;
  const stepped = await rotateStep(deps, text, state);
  if (!stepped.ok) deps.log({ level: 'warn', event: 'tick', outcome: 'reseal_failed', reason: stepped.failure.kind });
};

/** Ids of keys that stored tokens need and the keyring lacks, from the stored state. */
export const missingKeyIds = (deps: Pick<Deps, 'keyring'>, text: string | undefined): string[] =>
  reportOf(deps, stateOf(text), []).missingKeyIds;

/** Runs the next step now, for the operator. A finished pass starts again. */
export const resealStep = async (deps: Deps): Promise<Result<KeyringReport, Failure>> => {
  const text = await brokerStateText(deps.db, 'keyring');
  if (!text.ok) return text;
  const stepped = await rotateStep(deps, text.value, stateOf(text.value));
  return stepped.ok ? reportKeyring(deps) : stepped;
};

const rotateStep = async (
  deps: Deps,
  text: string | undefined,
  before: ResealState | undefined,
): Promise<Result<void, Failure>> => {
  const now = deps.now();
  const state = currentPass(before, deps.keyring.currentKeyId, now);
  const read = await sealedTokensAfter(deps.db, state.walk.afterId, CONNECTIONS_PER_STEP);
  if (!read.ok) return read;
  const walk: ResealWalk = {
    ...state.walk,
    counts: { ...state.walk.counts },
    afterId: read.value.at(-1)?.connectionId ?? state.walk.afterId,
  };
  const changes: { before: SealedTokens; after: SealedTokens }[] = [];
  for (const tokens of read.value) {
    const after = await reencrypt(deps, tokens, walk);
    if (after !== undefined) changes.push({ before: tokens, after });
  }
  const replaced = await replaceSealed(deps.db, changes);
  if (!replaced.ok) return replaced;
  // Counts what was tried. Rows that another write changed first are checked by the next pass.
  walk.resealed += changes.length;
  let isFinished = false;
  if (read.value.length < CONNECTIONS_PER_STEP) {
    const webhooks = await resealSecrets(deps, walk.afterWebhook ?? FIRST_WEBHOOK);
    if (!webhooks.ok) return webhooks;
    const { keyIds, resealed, broken, next } = webhooks.value;
    for (const keyId of keyIds) count(walk, keyId);
    walk.resealed += resealed;
    walk.broken += broken;
    isFinished = next === undefined;
    if (next !== undefined) walk.afterWebhook = { appId: next.appId, id: next.id };
  }
  const after: ResealState = isFinished
    ? { ...state, walk: undefined, last: { ...walk, finishedAt: now } }
    : { ...state, walk };
  const kept = await replaceBrokerState(deps.db, 'keyring', { before: text, after: JSON.stringify(after) }, now);
  if (!kept.ok) return kept;
  if (changes.length > 0) deps.log({ level: 'info', event: 'tick', outcome: 'resealed', count: replaced.value });
  return ok(undefined);
};

const FIRST_WEBHOOK = { appId: NO_APP, id: '' };

const FIELDS = [
  ['accessTokenSealed', 'access_token'],
  ['refreshTokenSealed', 'refresh_token'],
  ['previousRefreshTokenSealed', 'refresh_token'],
] as const satisfies [keyof SealedTokens, TokenField][];

/**
 * A connection's tokens sealed with the current key; undefined if nothing can or has to be done. Counts into `walk`. A
 * blob whose key is missing stays as it is. A blob that fails under its own key ends its connection.
 */
const reencrypt = async (deps: Deps, tokens: SealedTokens, walk: ResealWalk): Promise<SealedTokens | undefined> => {
  const after = { ...tokens };
  const { currentKeyId } = deps.keyring;
  const others = keyIdsOf(tokens).filter((keyId) => keyId !== currentKeyId);
  const missing = others.find((keyId) => !deps.keyring.keyIds.includes(keyId));
  if (keyIdsOf(tokens).length > 0) count(walk, missing ?? currentKeyId);
  if (others.length === 0 || missing !== undefined) return undefined;
  for (const [column, field] of FIELDS) {
    const sealed = tokens[column];
    if (sealed === undefined || sealingKeyId(sealed) === currentKeyId) continue;
    const opened = await openToken(deps, tokens, field, sealed);
    if (!opened.ok && column === 'previousRefreshTokenSealed') {
      // Only the previous refresh token is lost; the current one is stored.
      after[column] = undefined;
      continue;
    }
    if (!opened.ok) {
      walk.broken += 1;
      await requireReauth(deps, tokens, 'seal_broken');
      return undefined;
    }
    after[column] = await sealToken(deps, tokens, field, opened.value);
  }
  return after;
};

const count = ({ counts }: ResealWalk, keyId: string): void => {
  counts[keyId] = (counts[keyId] ?? 0) + 1;
};

const keyIdsOf = (tokens: SealedTokens): string[] => [
  ...new Set(FIELDS.flatMap(([column]) => (tokens[column] === undefined ? [] : (sealingKeyId(tokens[column]) ?? [])))),
];

const pass = {
  startedAt: z.number(),
  afterId: z.number(),
  afterWebhook: z.looseObject({ appId: z.string().transform(asAppId), id: z.string() }).optional(),
  counts: z.record(z.string(), z.number()),
  resealed: z.number(),
  broken: z.number(),
};
const resealState: z.ZodType<ResealState> = z.looseObject({
  keyId: z.string(),
  promotedAt: z.number(),
  walk: z.looseObject(pass).optional(),
  last: z.looseObject({ ...pass, finishedAt: z.number() }).optional(),
});

/** The stored state. An unreadable one counts as none, so a pass starts from the beginning. */
const stateOf = (text: string | undefined): ResealState | undefined => parseStored(resealState, text);
