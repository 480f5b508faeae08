import { open, seal, sealingKeyId } from '../../crypto/seal.ts';
import type { AppId } from '../../domain/app-id.ts';
import type { Failure } from '../../domain/failure.ts';
import { ok, type Result } from '../../domain/result.ts';
import { type Secret, secret } from '../../domain/secret.ts';
import type { SendingEndpoint } from '../../store/webhooks/deliveries.ts';
import { replaceSecret, type SealedSecrets, sealedSecretsAfter } from '../../store/webhooks/secrets.ts';
import type { Deps } from '../deps.ts';

/** The signing secrets of endpoints. They are needed to sign, so they are sealed, not hashed. */

/** The place that a signing secret is sealed to. It opens nowhere else. */
const secretPlace = ({ appId, id }: { appId: AppId; id: string }): string[] => [appId, id, 'webhook_secret'];

/** Seals the signing secret of an endpoint. */
export const sealWebhookSecret = (
  deps: Pick<Deps, 'keyring'>,
  endpoint: { appId: AppId; id: string },
  plaintext: Secret,
): Promise<string> => seal(deps.keyring, 'seal-webhook', secretPlace(endpoint), plaintext.reveal());

/** The secrets that sign now: the current one, and the previous one for a day. */
export const openSecrets = async (
  deps: Deps,
  endpoint: SendingEndpoint,
): Promise<Result<Secret[], { kind: 'key_missing' } | { kind: 'seal_broken' }>> => {
  const { secretSealed, previousSecretSealed, previousSecretUntil = 0 } = endpoint;
  const opened: Secret[] = [];
  for (const sealed of [secretSealed, previousSecretUntil > deps.now() ? previousSecretSealed : undefined]) {
    if (sealed === undefined) continue;
    const one = await open(deps.keyring, 'seal-webhook', secretPlace(endpoint), sealed);
    if (!one.ok) return one;
    opened.push(secret(one.value));
  }
  return ok(opened);
};

/** How many endpoints one step of a key rotation reads. */
const ENDPOINTS_PER_STEP = 30;

/** What a step of a key rotation found and did. */
export type ResealedSecrets = {
  /** For each endpoint, the key that its secrets need after this step. */
  keyIds: string[];
  resealed: number;
  broken: number;
  /** Where the next step continues; undefined after the last endpoint. */
  next: { appId: AppId; id: string } | undefined;
};

/** Seals the secrets of some endpoints again with the current key. One whose key is missing stays as it is. */
export const resealSecrets = async (
  deps: Deps,
  after: { appId: AppId; id: string },
): Promise<Result<ResealedSecrets, Failure>> => {
  const found = await sealedSecretsAfter(deps.db, after, ENDPOINTS_PER_STEP);
  if (!found.ok) return found;
  const step: ResealedSecrets = {
    keyIds: [],
    resealed: 0,
    broken: 0,
    next: found.value.length < ENDPOINTS_PER_STEP ? undefined : found.value.at(-1),
  };
  for (const before of found.value) {
    const done = await resealOne(deps, before);
    if (!done.ok) return done;
    step.keyIds.push(done.value.keyId);
    if (done.value.kind === 'resealed') step.resealed += 1;
    if (done.value.kind === 'broken') step.broken += 1;
  }
  return ok(step);
};

const resealOne = async (
  { db, keyring }: Deps,
  before: SealedSecrets,
): Promise<Result<{ kind: 'kept' | 'resealed' | 'broken'; keyId: string }, Failure>> => {
  const { currentKeyId } = keyring;
  const sealed = { secretSealed: before.secretSealed, previousSecretSealed: before.previousSecretSealed };
  const keyIds = Object.values(sealed).flatMap((blob) => (blob === undefined ? [] : (sealingKeyId(blob) ?? [])));
  const other = keyIds.find((keyId) => keyId !== currentKeyId);
  const missing = keyIds.find((keyId) => !keyring.keyIds.includes(keyId));
  if (other === undefined || missing !== undefined) return ok({ kind: 'kept', keyId: missing ?? currentKeyId });
  for (const [column, blob] of Object.entries(sealed) as [keyof typeof sealed, string | undefined][]) {
    if (blob === undefined) continue;
    const opened = await open(keyring, 'seal-webhook', secretPlace(before), blob);
    if (!opened.ok) return ok({ kind: 'broken', keyId: currentKeyId });
    sealed[column] = await seal(keyring, 'seal-webhook', secretPlace(before), opened.value);
  }
  const replaced = await replaceSecret(db, before, { ...before, ...sealed });
  return replaced.ok ? ok({ kind: 'resealed', keyId: currentKeyId }) : replaced;
};
