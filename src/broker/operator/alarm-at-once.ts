import { mintId } from '../../crypto/credential.ts';
import type { AlarmAtOnce } from '../../domain/alarm.ts';
import { type EpochMs, HOUR_MS, MINUTE_MS } from '../../domain/time.ts';
import { lastingTrouble } from '../../store/d1-memory.ts';
import type { BrokerSettings, Deps } from '../deps.ts';

/** When this isolate may send each alarm again. */
type NextAt = Map<AlarmAtOnce, EpochMs>;
const nextAtOf = new WeakMap<BrokerSettings, NextAt>();

const REPEATED_AFTER_MS = HOUR_MS;
/** An alarm that the webhook did not accept is sent again after this at the earliest. */
const RETRIED_AFTER_MS = MINUTE_MS;

/**
 * Sends an alarm that D1 cannot store because D1 fails: a log line, and a request to the webhook. Each isolate sends
 * one an hour at most. No notice says that it is over.
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

/** Sends an alarm if D1 refuses or has not answered for a while, as far as this isolate knows. */
export const alarmIfDatabaseFails = async (deps: Deps): Promise<void> => {
  const lasting = lastingTrouble(deps.db.memory, deps.now());
  if (lasting === undefined) return;
  const code = lasting.trouble === 'full' ? 'database_full' : 'database_failing';
  await alarmAtOnce(deps, code, lasting.trouble, lasting.since);
};
