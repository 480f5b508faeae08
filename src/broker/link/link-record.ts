import { type LinkRecord, openLinkRecord, sealLinkRecord, type StateClaims } from '../../crypto/link-tokens.ts';
import type { Issued } from '../../crypto/signed-token.ts';
import type { AppId } from '../../domain/app-id.ts';
import { ok } from '../../domain/result.ts';
import type { EpochMs } from '../../domain/time.ts';
import { linkRecord, putLinkRecord, secondsUntil } from '../../store/link/links.ts';
import type { Deps } from '../deps.ts';
import { logAbout } from '../log.ts';
import { within } from '../within.ts';

/** The record of a link, which says whom it is for: in KV under the state's id, or sealed in the state. */

/**
 * How long a link waits for KV. A write travels to a central store, which takes longer from far away than all the rest.
 * The database answers in 5 ms, so a link starts within 40.
 */
export const MAX_KV_WAIT_MS = 30;

/**
 * Seals a link's record and stores it in KV. The write goes on behind the answer if it takes long.
 *
 * @returns the sealed record if it has to travel in the state: KV has not stored it by then, or takes no writes because
 *   those of the day are used up
 */
export const keepLinkRecord = async (
  deps: Deps,
  state: { appId: AppId; id: string; expiresAt: EpochMs },
  record: LinkRecord,
): Promise<string | undefined> => {
  const sealed = await sealLinkRecord(deps.keyring, state.id, record);
  const put = putLinkRecord(deps.links, state.id, sealed, secondsUntil(state.expiresAt, deps.now()));
  deps.waitUntil(put);
  const stored = await within(deps.sleep, MAX_KV_WAIT_MS, put);
  if (stored?.ok === true) return undefined;
  if (stored !== undefined) {
    const subject = { appId: state.appId, userId: record.user };
    const reason = stored.failure.kind;
    await logAbout(deps, subject, { level: 'warn', event: 'link', outcome: 'kv_put_failed', reason });
  }
  return sealed;
};

/** The record of a state, if it is anywhere: KV may not have it here yet, which says nothing about the state. */
export const linkRecordOf = async (deps: Deps, state: Issued<StateClaims>): Promise<LinkRecord | undefined> => {
  const sealed = state.rec === undefined ? await linkRecord(deps.links, state.jti) : ok(state.rec);
  if (!sealed.ok || sealed.value === undefined) return undefined;
  const opened = await openLinkRecord(deps.keyring, state.jti, sealed.value);
  if (opened.ok) return opened.value;
  deps.log({ level: 'error', event: 'alarm', outcome: 'link_record_unreadable', reason: opened.failure.kind });
  return undefined;
};
