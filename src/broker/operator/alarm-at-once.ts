import { mintId } from '../../crypto/credential.ts';
import type { AlarmAtOnce } from '../../domain/alarm.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../domain/time.ts';
import { lastingTrouble } from '../../store/d1-memory.ts';
import type { BrokerSettings, Deps } from '../deps.ts';

/** Of this isolate, by its settings: when each of these alarms may be sent again. */
type NextAt = Map<AlarmAtOnce, EpochMs>;
const nextAtOf = new WeakMap<BrokerSettings, NextAt>();

const REPEATED_AFTER_MS = HOUR_MS;
/** When one that the webhook did not take is sent again, at the earliest. */
const RETRIED_AFTER_MS = MINUTE_MS;

/**
 * Tells the operator what D1 cannot keep, because it is D1 that fails: a line of the log, and the webhook if there is one, each at most once
 * an hour from an isolate. No notice says that it is over.
 */
export const alarmAtOnce = async (deps: Deps, code: AlarmAtOnce, reason: string, since = deps.now()): Promise<void> => {
  const now = deps.now();
  const nextAt = nextAtOf.get(deps.settings) ?? new Map<AlarmAtOnce, EpochMs>();
  nextAtOf.set(deps.settings, nextAt);
  if (now < (nextAt.get(code) ?? 0)) return;
  nextAt.set(code, now + REPEATED_AFTER_MS);
  deps.log({ level: 'error', event: 'alarm', outcome: code, reason });
  const { alarmWebhook: send } = deps;
  if (send === undefined) return;
  const isTaken = await send({ id: mintId('msg', deps.random), code, kind: 'raised', at: now, since, reason });
  if (!isTaken) nextAt.set(code, deps.now() + RETRIED_AFTER_MS);
};

/** Tells the operator if D1 refuses, or has not answered for a while, as far as this isolate knows. */
export const alarmIfDatabaseFails = async (deps: Deps): Promise<void> => {
  const lasting = lastingTrouble(deps.db.memory, deps.now());
  if (lasting !== undefined) await alarmAtOnce(deps, 'database_failing', lasting.trouble, lasting.since);
};
